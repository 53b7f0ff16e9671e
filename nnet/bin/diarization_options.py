"""Options shared by the programs that find turns of speakers."""

import dataclasses
import logging

from nnet.backend.directory import read_backend
from nnet.bin.cli import add_options, options_from
from nnet.bin.gallery_options import add_identification_options, describe
from nnet.diarization.clustering import ClusteringOptions
from nnet.diarization.diarizer import extract_windows, find_turns
from nnet.diarization.naming import check_name, embed_speakers, name_speakers
from nnet.diarization.overlap import add_second_speakers, turns_of_local_speakers
from nnet.diarization.resegmentation import ResegmentationOptions
from nnet.diarization.segmentation import ModelSegmenter, SegmentationOptions
from nnet.diarization.speech import EnergyOptions, energy_segmenter
from nnet.diarization.vbx import VbxOptions
from nnet.diarization.windows import WindowOptions
from nnet.errors import InputError
from nnet.gallery import Gallery
from nnet.kaldi.tables import read_numbers
from nnet.model.embedder import Embedder

log = logging.getLogger(__name__)

VAD = {  # --vad: options, and what makes a segmenter of them
    "energy": (EnergyOptions, energy_segmenter),
    "model": (SegmentationOptions, ModelSegmenter),
}


def add_window_options(parser):
    """Adds the options of models, speech and windows to a parser."""
    parser.add_argument(
        "--checkpoint", default="best", help="best, last, or the number of an epoch whose checkpoint was kept"
    )
    group = parser.add_argument_group("speech")
    group.add_argument("--vad", choices=VAD, help="how segments of speech are found; default: energy")
    for options, _ in VAD.values():
        add_options(group, options)
    group.add_argument(
        "--overlap",
        choices=("none", "added", "local"),
        default="none",
        help="added: the model of --segmentation adds second speakers to turns; local: turns are those of the speakers "
        "of its windows, whose embeddings are clustered (to --local-threshold instead of --threshold; the options of "
        "windows, resegmentation, --onset and --offset have no effect, and no windows are kept)",
    )
    add_options(parser.add_argument_group("windows"), WindowOptions)


def add_clustering_options(parser):
    """Adds the options of clustering and turns to a parser."""
    group = parser.add_argument_group("clustering")
    add_options(group, ClusteringOptions)
    group.add_argument(
        "--reco2num-spk", metavar="FILE", help="number of speakers of each recording, as Kaldi's reco2num_spk"
    )
    group.add_argument(
        "--backend", metavar="DIR", help="folder written by train_backend: mean.vec, transform.mat, plda"
    )
    add_options(parser.add_argument_group("VBx (--cluster vbx)"), VbxOptions, Fa="--fa", Fb="--fb")
    add_options(parser.add_argument_group("turns"), ResegmentationOptions)


def add_naming_options(parser):
    """Adds the options of names for speakers to a parser."""
    group = parser.add_argument_group("names")
    group.add_argument(
        "--gallery", metavar="FILE", help="names the speakers who are enrolled in this gallery of voices"
    )
    add_identification_options(group)


class WindowExtractor:
    """Embeds the windows of recordings, by parsed options."""

    def __init__(self, args):
        self._windows = options_from(args, WindowOptions)
        options, make = VAD[args.vad or "energy"]
        self.segmenter = make(options_from(args, options))
        self.model = Embedder(args.model_dir, args.checkpoint)

    @property
    def sample_rate(self):
        """The sampling rate of the model in Hz."""
        return self.model.front_end.sample_rate

    def __call__(self, recording, segments=None):
        """The Windows of a Recording; segments: spans of speech (S, 2) instead of those that --vad finds."""
        segmenter = self.segmenter if segments is None else lambda _: segments
        return extract_windows(self.model, recording, segmenter, self._windows)


class TurnFinder:
    """Clusters the windows of recordings into turns, by parsed options.

    Args:
        args: parsed options of `add_clustering_options`.
        recordings: names of the recordings to come.
    """

    def __init__(self, args, recordings):
        self._clustering = options_from(args, ClusteringOptions)
        self._resegmentation, self.vbx = options_from(args, ResegmentationOptions), options_from(args, VbxOptions)
        self.backend = read_backend(args.backend) if args.backend else None
        self._clustering.check(self.backend)
        self._known = _speaker_counts(args, self._clustering, recordings)

    def clustering(self, recording):
        """The ClusteringOptions of a recording."""
        return self._clustering.with_speakers(self._known.get(recording))

    def __call__(self, recording, windows):
        """The turns of a recording, given its Windows."""
        clustering = self.clustering(recording)
        return find_turns(recording, windows, clustering, self._resegmentation, self.backend, self.vbx)


class RecordingDiarizer:
    """Finds the turns of recordings from their audio, by parsed options.

    Args:
        args: parsed options of `add_window_options`, `add_clustering_options` and `add_naming_options`.
        recordings: names of the recordings to come.
    """

    def __init__(self, args, recordings):
        if args.gallery and args.checkpoint != "best":
            raise InputError("--gallery compares voices by the best checkpoint, as enroll does; omit --checkpoint")
        self._find_turns, self._extract = TurnFinder(args, recordings), WindowExtractor(args)
        self._name_speakers = SpeakerNamer(args, self._extract.model) if args.gallery else None
        self._local = args.overlap == "local"
        if self._local and (args.vad == "energy" or getattr(args, "segments", None)):
            raise InputError("--overlap local finds speech itself, by its model; omit --segments and --vad energy")
        self._segmenter = None
        if args.overlap != "none":
            self._segmenter = self._extract.segmenter
            if not isinstance(self._segmenter, ModelSegmenter):
                self._segmenter = ModelSegmenter(options_from(args, SegmentationOptions), f"--overlap {args.overlap}")

    @property
    def sample_rate(self):
        """The sampling rate of the model in Hz."""
        return self._extract.sample_rate

    def __call__(self, name, recording, segments=None):
        """The turns of a Recording, and its Windows, or None where --overlap local needs none.

        segments: spans of speech (S, 2) instead of those that --vad finds.
        """
        turns, windows = self._found(name, recording, segments)
        return self._name_speakers(name, recording, turns) if self._name_speakers else turns, windows

    def _found(self, name, recording, segments):
        if self._local:
            return self._turns_of_local_speakers(name, recording), None
        windows = self._extract(recording, segments)
        turns = self._find_turns(name, windows)
        if self._segmenter:
            pause = self._segmenter.options.segmentation_pause
            turns = add_second_speakers(turns, self._segmenter.segmentation(recording), pause)
        return turns, windows

    def _turns_of_local_speakers(self, name, recording):
        options, find = self._segmenter.options, self._find_turns
        clustering = dataclasses.replace(find.clustering(name), threshold=options.local_threshold)
        segmentation = self._segmenter.segmentation(recording)
        return turns_of_local_speakers(
            self._extract.model,
            recording,
            name,
            segmentation,
            clustering,
            find.backend,
            find.vbx,
            options.segmentation_pause,
        )


class SpeakerNamer:
    """Gives speakers of turns the names of the voices that they have in a gallery, by parsed options.

    Args:
        args: parsed options of `add_naming_options`.
        model: the Embedder.
    """

    def __init__(self, args, model):
        self._gallery, self._decision = Gallery(args.gallery, model), (args.false_accept, args.p_known)
        self._model = model
        if not len(self._gallery):
            raise InputError(f"{args.gallery}: nobody is enrolled")
        for voice in self._gallery.voices:
            check_name(voice.name, args.gallery)

    def __call__(self, name, recording, turns):
        """The turns of a Recording with names; speakers whom nobody of the gallery fits keep their numbers."""
        speech = embed_speakers(self._model, recording, turns)
        found = name_speakers(self._gallery, speech, *self._decision)
        names = {speaker: one.name for speaker, one in found.items() if one.name}
        for speaker, own in speech.items():
            log.info("%s: speaker %s %s", name, speaker, _answer(found.get(speaker), own.seconds, names))
        unknown = len(speech) - len(names)
        log.info("%s: %d of %d speakers named, %d unknown", name, len(names), len(speech), unknown)
        return [dataclasses.replace(turn, speaker=names.get(turn.speaker, turn.speaker)) for turn in turns]


def _answer(found, seconds, names):
    """Who a speaker is, in words; `found` is None with too little speech, `names` are those of all speakers."""
    if found is None:
        return f"is unknown: only {seconds:.1f} s of speech alone"
    numbers = f"({describe(found.best, found.false_accept)}, {seconds:.1f} s of speech)"
    if found.name:
        return f"is {found.name} {numbers}"
    taken = next((f", as whom speaker {s} is named" for s, name in names.items() if name == found.best.name), "")
    return f"is unknown; nearest: {found.best.name} {numbers}{taken}"


def _speaker_counts(args, clustering, recordings):
    """Reads --reco2num-spk as {recording: number of speakers}."""
    path = args.reco2num_spk
    if not path:
        return {}
    if clustering.num_speakers:
        raise InputError("give --num-speakers or --reco2num-spk, not both")
    counts = read_numbers(path, int)
    for name in recordings:
        if counts.get(name, 0) < 1:
            raise InputError(f'{path}: "{name}" must have a number of speakers, 1 or more')
    return counts
