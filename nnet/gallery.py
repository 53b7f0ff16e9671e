"""A gallery of enrolled voices: who is this, is it they, or nobody known.

The file is one of records (`nnet.records`): first the model whose embeddings it holds, then one for each enrollment, so
that enrolling appends and never rewrites. Forgetting a voice rewrites the file, and nothing of the voice stays in it.
"""

import dataclasses
import os
from collections.abc import Sequence
from typing import Any

import numpy as np
import scipy

from nnet.answers import Enrollment, Identification, Match, Verification
from nnet.audio.reading import open_audio
from nnet.backend.duration_calibration import DurationCalibration
from nnet.backend.embeddings import unit_length
from nnet.errors import InputError
from nnet.feats.speech import seconds_of_speech
from nnet.files import AnyPath, check_entries
from nnet.model.embedder import CALIBRATION, Embedder
from nnet.model.pieces import LEAST_SPEECH
from nnet.options import nearest
from nnet.progress import progress
from nnet.records import append, read_records, reading, rewrite, writing
from nnet.rows import Rows
from nnet.voices import Index, Voice, packed, packed_voice, unpacked, unpacked_voice

FORMAT = 1
GOOD_SECONDS = 10.0  # of speech: an enrollment with fewer is told so
RESEMBLANCE = 0.01  # an enrollment is told whom it resembles if a stranger would come as near in fewer cases than this
AGREEMENT = 0.5  # recordings agree if they are of one speaker with at least this probability, at a prior of one half


class Gallery:
    """Enrolled voices in one file, which several programs may use at the same time.

    >>> model = nnet.load_model("exp/xvector")
    >>> gallery = nnet.Gallery("voices.gallery", model)
    >>> enrollment = gallery.enroll_files("alice", ["a.wav"])
    >>> gallery.identify_file("b.wav").best.name
    'alice'
    >>> gallery.forget("alice")
    >>> len(gallery)
    0
    """

    def __init__(self, path: AnyPath, model: Embedder | None = None) -> None:
        """
        Args:
            path: the file; the first enrollment creates it.
            model: computes the embeddings; its directory must have a calibration by duration (`mlx-speaker calibrate`).
                None: voices can be listed and forgotten only.

        Raises:
            InputError: the file is damaged or of another model, or the model has no such calibration.
        """  # fmt: skip
        self.path, self._model = os.fspath(path), model
        if model is not None and not isinstance(model.calibration, DurationCalibration):
            raise InputError(
                f"{model.name}: no {CALIBRATION} by duration in it, without which scores have no meaning; make it from "
                f"speech of 40 speakers or more: mlx-speaker calibrate {model.name} DATA"
            )
        self._start_anew()
        self.refresh()

    def __len__(self) -> int:
        return len(self._voices)

    def __contains__(self, name: object) -> bool:
        return name in self._voices

    @property
    def voices(self) -> list[Voice]:
        """The enrolled voices, in the order of their first enrollment."""
        return list(self._voices.values())

    def refresh(self) -> None:
        """Reads what other programs have enrolled or forgotten; every method below begins with it."""
        if not os.path.exists(self.path):
            self._start_anew()
            return
        with reading(self.path) as file:
            self._read(file)

    def enroll_files(self, name: str, paths: Sequence[AnyPath], force: bool = False) -> Enrollment:
        """Enrolls a speaker from audio files; see `enroll`."""
        heard = [self._heard_file(path) for path in progress(paths, label=f"recordings of {name}")]
        return self._enroll(name, [str(path) for path in paths], heard, force)

    def enroll(self, name: str, recordings: Sequence[tuple[np.ndarray, int]], force: bool = False) -> Enrollment:
        """Enrolls a speaker, or adds recordings to one who is enrolled.

        Args:
            name: of the speaker, without spaces.
            recordings: [(samples (n,) in [-1, 1), sample rate in Hz), ...], at least one.
            force: enroll although the recordings do not seem to be of one speaker, resemble somebody else, or repeat
                one another.

        Raises:
            InputError: a recording with too little speech, or one of these doubts.
        """
        labels = [f"recording {i}" for i in range(1, len(recordings) + 1)]
        heard = [self._heard(*recording, label) for recording, label in zip(recordings, labels, strict=True)]
        return self._enroll(name, labels, heard, force)

    def identify_file(self, path: AnyPath, false_accept: float = 0.01, p_known: float = 0.5) -> Identification:
        """Finds out who an audio file is of; see `identify`."""
        return self.identify_vector(*self._heard_file(path), false_accept, p_known)

    def identify(
        self, samples: np.ndarray, sample_rate: int, false_accept: float = 0.01, p_known: float = 0.5
    ) -> Identification:
        """Finds out who a recording is of.

        Args:
            samples: (n,) in [-1, 1).
            sample_rate: in Hz.
            false_accept: how often an unknown speaker may be taken for anybody in the gallery.
            p_known: prior probability that the speaker is enrolled, for the probabilities; it changes no decision.

        Raises:
            InputError: an empty gallery, or too little speech.
        """
        return self.identify_vector(*self._heard(samples, sample_rate, "samples"), false_accept, p_known)

    def identify_vector(
        self, vector: np.ndarray, seconds: float, false_accept: float = 0.01, p_known: float = 0.5
    ) -> Identification:
        """Finds out who an embedding (D,) of a recording with so many seconds of speech is of; see `identify`."""
        self._refresh_enrolled()
        cosines, ratios = self._compared(vector, seconds)
        return self._identification(cosines, ratios, seconds, _largest(ratios, 2), false_accept, p_known)

    def verify_file(self, name: str, path: AnyPath, false_accept: float = 0.01, p_target: float = 0.5) -> Verification:
        """Decides whether an audio file is of a certain speaker; see `verify`."""
        self._check_known(name)
        return self.verify_vector(name, *self._heard_file(path), false_accept, p_target)

    def verify(
        self, name: str, samples: np.ndarray, sample_rate: int, false_accept: float = 0.01, p_target: float = 0.5
    ) -> Verification:
        """Decides whether a recording is of a certain speaker.

        Args:
            name: of an enrolled speaker.
            samples: (n,) in [-1, 1).
            sample_rate: in Hz.
            false_accept: how often another speaker may be accepted.
            p_target: prior probability that it is this speaker, for the probability; it changes no decision.

        Raises:
            InputError: nobody of this name, or too little speech.
        """
        self._check_known(name)
        return self.verify_vector(name, *self._heard(samples, sample_rate, "samples"), false_accept, p_target)

    def verify_vector(
        self, name: str, vector: np.ndarray, seconds: float, false_accept: float = 0.01, p_target: float = 0.5
    ) -> Verification:
        """Decides whether an embedding (D,) of so many seconds of speech is of a certain speaker; see `verify`."""
        self.refresh()
        self._check_known(name)
        voice = self._voices[name]
        cosine = float(unit_length(vector) @ voice.vector)
        ratio = float(self._calibration.log_ratio(cosine, voice.seconds, seconds))
        probability = float(scipy.special.expit(ratio + scipy.special.logit(p_target)))
        match = Match(name, cosine, ratio, probability)
        chance = self._false_accept(match, seconds, 1)
        return Verification(chance <= false_accept, match, chance, seconds)

    def forget(self, *names: str) -> None:
        """Removes speakers: the file is written anew, without them.

        Raises:
            InputError: nobody of one of these names; then nobody is removed.
        """
        if not os.path.exists(self.path):
            raise InputError(f"{self.path}: no such gallery")
        with writing(self.path) as file:
            self._read(file)
            for name in names:
                self._check_known(name)
            kept = [voice for voice in self.voices if voice.name not in names]
            rewrite(self.path, [_header(self._about), *map(packed_voice, kept)])
        self.refresh()

    def name_clusters(
        self, vectors: np.ndarray, seconds: Sequence[float] | np.ndarray, false_accept: float = 0.01
    ) -> list[str | None]:
        """Names the speakers of a diarized recording; no two of them get the same name.

        Args:
            vectors: (C, D), the embedding of each speaker, of any length.
            seconds: (C,), of speech of each.
            false_accept: how often an unknown speaker may get a name.

        Returns:
            a name for each speaker, in their order; None: nobody known, or too little speech.
        """
        self.refresh()
        if not self._voices:
            return [None] * len(vectors)
        return [found.name for found in self.identify_clusters(vectors, seconds, false_accept)]

    def identify_clusters(
        self,
        vectors: np.ndarray,
        seconds: Sequence[float] | np.ndarray,
        false_accept: float = 0.01,
        p_known: float = 0.5,
    ) -> list[Identification]:
        """Finds out who the speakers of a diarized recording are; no two of them get the same name.

        Of the voices that `false_accept` allows for each, those with the largest sum of evidence get their names given.

        Args:
            vectors, seconds, false_accept: as for `name_clusters`.
            p_known: prior probability that a speaker is enrolled, for the probabilities; it changes no decision.

        Returns:
            an answer for each speaker, in their order. `best` is the voice whose name is given; for a speaker without
            a name, the voice that matches best, whose name another speaker may have.

        Raises:
            InputError: an empty gallery.
        """
        from scipy.optimize import linear_sum_assignment  # loads slowly

        self._refresh_enrolled()
        compared = [self._compared(vector, spoken) for vector, spoken in zip(vectors, seconds, strict=True)]
        if not compared:
            return []
        cosines, ratios = (np.stack(rows) for rows in zip(*compared, strict=True))  # (C, N)
        voices = np.unique([_largest(row, len(ratios)) for row in ratios])  # no others: they suffice for C names
        spoken = np.reshape(seconds, (-1, 1))
        chances = self._calibration.false_accept(
            cosines[:, voices], self._index.seconds[voices], spoken, len(self._voices)
        )
        fits = (chances <= false_accept) & (spoken >= LEAST_SPEECH)
        evidence = np.where(fits, np.logaddexp(ratios[:, voices], 0), 0)  # against nobody known: never below zero
        pairs = zip(*linear_sum_assignment(evidence, maximize=True), strict=True)
        given = {i: voices[j] for i, j in pairs if fits[i, j]}
        found = []
        for i in range(len(ratios)):
            order = list(_largest(ratios[i], 2))
            if i in given:
                order = [given[i], *(voice for voice in order if voice != given[i])][:2]
            one = self._identification(cosines[i], ratios[i], float(seconds[i]), order, false_accept, p_known)
            found.append(one if i in given else dataclasses.replace(one, name=None))
        return found

    def _refresh_enrolled(self):
        self.refresh()
        if not self._voices:
            raise InputError(f"{self.path}: nobody is enrolled")

    def _compared(self, vector, seconds):
        """Cosines and log-likelihood ratios, float64 (N,) each, of a recording with all voices."""
        cosines = self._index.vectors @ unit_length(vector)
        return cosines, self._calibration.log_ratio(cosines, self._index.seconds, seconds)

    def _identification(self, cosines, ratios, seconds, order, false_accept, p_known):
        """The Identification whose best voice is the first of `order`, and whose second is the next of it, if any."""
        names = self._index.names
        odds = ratios + scipy.special.logit(p_known) - np.log(len(names))  # against 1: unknown
        total = np.logaddexp(scipy.special.logsumexp(odds), 0.0)
        matches = [Match(names[i], float(cosines[i]), float(ratios[i]), float(np.exp(odds[i] - total))) for i in order]
        best, second = matches[0], matches[1] if len(matches) > 1 else None
        chance = self._false_accept(best, seconds, len(names))
        return Identification(
            name=best.name if chance <= false_accept else None,
            best=best,
            second=second,
            margin=best.log_ratio - second.log_ratio if second else None,
            false_accept=chance,
            seconds=seconds,
        )

    @property
    def _calibration(self) -> DurationCalibration:
        return self._opened_model.calibration

    @property
    def _opened_model(self) -> Any:
        if self._model is None:
            raise InputError(f"{self.path}: opened without a model; give one to compare voices")
        return self._model

    def _heard_file(self, path: AnyPath) -> tuple[np.ndarray, float]:
        samples, rate = open_audio(str(path))
        return self._heard(samples, rate, str(path))

    def _heard(self, samples: Rows, rate: int, where: str) -> tuple[np.ndarray, float]:
        """Returns the embedding (D,) of a recording and its seconds of speech."""
        model = self._opened_model
        seconds = seconds_of_speech(samples, rate)
        if seconds < LEAST_SPEECH:
            raise InputError(f"{where}: {seconds:.1f} s of speech; at least {LEAST_SPEECH:g} s are needed")
        return model.embed(samples, rate, where), seconds

    def _false_accept(self, match, seconds, voices):
        """Probability that an unknown speaker's recording matches the best of so many voices as well as this."""
        enrolled = self._voices[match.name].seconds
        return float(self._calibration.false_accept(match.cosine, enrolled, seconds, voices))

    def _check_known(self, name):
        if name not in self._voices:
            raise InputError(f'{self.path}: nobody called "{name}"{nearest(name, self._voices)}')

    def _enroll(self, name, labels, heard, force):
        if not labels:
            raise InputError(f"{name}: no recording to enroll")
        if not name or name.split() != [name]:
            raise InputError(f"{name!r} cannot be a name: it must be one word")
        added = Voice(name, np.stack([unit_length(vector) for vector, _ in heard]), np.array([s for _, s in heard]))
        with writing(self.path) as file:
            self._read(file)
            old = self._voices.get(name)
            voice = old.joined(added) if old else added
            before = ["a recording enrolled before"] * (len(voice.durations) - len(labels))
            agreement, doubts = self._agreement(voice, before + labels)
            doubts += _repeated(voice, before + labels, len(before)) + self._resemblance(voice)
            if doubts and not force:
                raise InputError(f"{name}: not enrolled: {'; '.join(doubts)} (--force true enrolls all the same)")
            self._append(file, added)
        if voice.seconds < GOOD_SECONDS:
            doubts.append(f"only {voice.seconds:.1f} s of speech; {GOOD_SECONDS:g} s make decisions surer")
        return Enrollment(name, len(voice.durations), voice.seconds, agreement, tuple(doubts))

    def _agreement(self, voice, labels):
        """The lowest probability that two recordings are of one speaker, at a prior of one half, and the doubts."""
        if len(labels) < 2:
            return None, []
        i, j = np.triu_indices(len(labels), 1)
        cosines = np.sum(voice.vectors[i] * voice.vectors[j], axis=1)
        probabilities = scipy.special.expit(
            self._calibration.log_ratio(cosines, voice.durations[i], voice.durations[j])
        )
        worst = int(np.argmin(probabilities))
        lowest = float(probabilities[worst])
        if lowest >= AGREEMENT:
            return lowest, []
        pair = f"{labels[i[worst]]} and {labels[j[worst]]}"
        return lowest, [f"{pair} do not seem to be of one speaker (probability {lowest:.2g}); leave one of them out"]

    def _resemblance(self, voice):
        """The doubt, in a list, that somebody else in the gallery is the same person."""
        others = len(self._voices) - (voice.name in self._voices)
        if not others:
            return []
        cosines = self._index.vectors @ voice.vector
        ratios = self._calibration.log_ratio(cosines, self._index.seconds, voice.seconds)
        if voice.name in self._voices:
            ratios[self._index.names.index(voice.name)] = -np.inf
        (i,) = _largest(ratios, 1)
        match = Match(self._index.names[i], float(cosines[i]), float(ratios[i]), 0.0)
        chance = self._false_accept(match, voice.seconds, others)
        if chance > RESEMBLANCE or match.log_ratio < 0:
            return []
        return [f'resembles "{match.name}" as a stranger does in {100 * chance:.2g} % of cases; is it the same person?']

    def _append(self, file, voice):
        payloads = [packed_voice(voice)]
        if not self._position:
            model = self._opened_model
            self._about = {"name": model.name, "checksum": model.checksum, "dim": model.dim}
            payloads.insert(0, _header(self._about))
        append(self.path, file, self._position, *payloads)
        self._read(file)

    def _start_anew(self) -> None:
        self._voices: dict[str, Voice] = {}
        self._position, self._index = 0, Index(0)
        self._first: bytes | None = None
        self._about = {}

    def _read(self, file):
        payloads, position, whole = read_records(self.path, file, self._position, self._first)
        if whole:
            self._start_anew()
        for payload in payloads:
            self._take(payload)
        self._position = position

    def _take(self, payload):
        if self._first is None:
            self._about = self._checked_header(payload)
            self._first, self._index = payload, Index(self._about["dim"])
            return
        voice = unpacked_voice(payload, self._about["dim"], self.path)
        old = self._voices.get(voice.name)
        voice = self._voices[voice.name] = old.joined(voice) if old else voice
        self._index.put(voice)

    def _checked_header(self, payload):
        values, _ = unpacked(payload, self.path)
        check_entries(values, {"gallery": int, "model": dict}, self.path)
        if values["gallery"] != FORMAT:
            raise InputError(f"{self.path}: a gallery of format {values['gallery']}; this version reads {FORMAT}")
        about, model = values["model"], self._model
        check_entries(about, {"name": str, "checksum": str, "dim": int}, f"{self.path}: model")
        if model is not None and about["checksum"] != model.checksum:
            raise InputError(
                f"{self.path}: a gallery of the model {about['name']} ({about['checksum']}), not of {model.name} "
                f"({model.checksum}); use that model, or enroll everybody in another gallery"
            )
        return about


def _header(about):
    """The first record; its random `revision` tells readers that the file was rewritten."""
    return packed({"gallery": FORMAT, "model": about, "revision": os.urandom(8).hex()})


def _repeated(voice, labels, known):
    """The doubt, in a list, that a recording after the `known` first ones is enrolled twice: it would count twice."""
    for j in range(max(known, 1), len(labels)):
        same = (voice.vectors[:j] @ voice.vectors[j] > 1 - 1e-6) & np.isclose(voice.durations[:j], voice.durations[j])
        if same.any():
            return [f"{labels[int(np.argmax(same))]} and {labels[j]} are the same recording; leave one of them out"]
    return []


def _largest(values, count):
    """Indices of the `count` largest values, or of all if there are fewer, largest first."""
    count = min(count, len(values))
    indices = np.argpartition(-values, count - 1)[:count]
    return indices[np.argsort(-values[indices])]
