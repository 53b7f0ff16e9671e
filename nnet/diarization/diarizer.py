"""The pipeline: segments of speech → windows → embeddings → clusters → turns of speakers.

What stays in memory for a recording is the embeddings of its windows and the log energies of its frames: for eight
hours of speech 30 MB of the former (192 dimensions) and 12 MB of the latter.
"""

import logging
from dataclasses import dataclass

import numpy as np

from nnet.audio.recording import Recording
from nnet.backend.directory import Backend
from nnet.diarization.clustering import ClusteringOptions, cluster
from nnet.diarization.embedding import embed_windows
from nnet.diarization.resegmentation import ResegmentationOptions, label_speech, turns
from nnet.diarization.rttm import Turn
from nnet.diarization.speech import Segmenter
from nnet.diarization.vbx import VbxOptions
from nnet.diarization.windows import WindowOptions, cut_windows
from nnet.model.embedder import Embedder

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Windows:
    """Speech of a recording with the embeddings of its windows.

    Attributes:
        segments: spans of speech, float64 (S, 2), in seconds.
        spans: spans of the windows, float64 (N, 2).
        vectors: their embeddings, float32 (N, D).
    """

    segments: np.ndarray
    spans: np.ndarray
    vectors: np.ndarray


def extract_windows(
    model: Embedder, recording: Recording, segmenter: Segmenter, options: WindowOptions = WindowOptions()
) -> Windows:
    """Finds the speech of a recording and embeds windows of it.

    Args:
        model: an Embedder.
        recording: a Recording at the model's sampling rate.
        segmenter: a function from the Recording to spans of speech; see `nnet.diarization.speech`.
        options: WindowOptions.
    """
    segments = _within(segmenter(recording), recording)
    spans = np.round(cut_windows(segments, options)[0], 3)  # they survive a text file
    return Windows(segments, spans, embed_windows(model, recording, spans))


def find_turns(
    recording: str,
    windows: Windows,
    clustering: ClusteringOptions = ClusteringOptions(),
    resegmentation: ResegmentationOptions = ResegmentationOptions(),
    backend: Backend | None = None,
    vbx: VbxOptions = VbxOptions(),
) -> list[Turn]:
    """Clusters the windows of a recording into turns of speakers; a line of the log says what was found.

    Args:
        recording: its name.
        windows: Windows.
        clustering, resegmentation, vbx: options.
        backend: a Backend for PLDA or VBx, or to transform embeddings before the cosine; None: none.

    Returns:
        turns, sorted, without overlap; none if there is no speech.
    """
    seconds = float(np.sum(windows.segments[:, 1] - windows.segments[:, 0]))
    if not len(windows.segments):
        log.warning("%s: no speech was found, so there are no turns", recording)
        return []
    if len(windows.spans):
        found = cluster(windows.vectors, clustering, backend, vbx)
        owners = np.searchsorted(windows.segments[:, 0], windows.spans[:, 0] + 1e-6, side="right") - 1
        spans, labels = label_speech(windows.segments, windows.spans, owners, found, resegmentation)
    else:
        log.warning(
            "%s: no piece of its %.2f s of speech is long enough for an embedding (--min-window): taken as one speaker",
            recording,
            seconds,
        )
        spans, labels = windows.segments, np.zeros(len(windows.segments), int)
    found = turns(recording, spans, labels)
    speakers = len({turn.speaker for turn in found})
    log.info("%s: %d speakers in %d turns, %.1f s of speech", recording, speakers, len(found), seconds)
    return found


def _within(segments, recording):
    """Cuts spans of speech at the end of the recording; drops those beyond it, with a warning."""
    end = np.floor(1000 * recording.seconds) / 1000
    inside = segments[segments[:, 0] < end].copy()
    if len(inside) < len(segments):
        beyond = len(segments) - len(inside)
        log.warning("%s: %d segments lie after its end at %.2f s", recording.name, beyond, end)
    inside[:, 1] = np.minimum(inside[:, 1], end)
    return inside
