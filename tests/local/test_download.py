"""local/download_librispeech_mini.py against a server on this machine: resuming, checksums, half-finished states."""

import hashlib
import http.server
import importlib.util
import io
import tarfile
import threading
from functools import partial

import pytest

from nnet.errors import InputError


@pytest.fixture
def downloader(root):
    path = root / "local" / "download_librispeech_mini.py"
    spec = importlib.util.spec_from_file_location("download_librispeech_mini", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


class Server(http.server.BaseHTTPRequestHandler):
    """Serves `files`; `breaks_after` bytes of an answer the connection breaks; `ranges` turns Range on."""

    files, ranges, breaks_after, asked = {}, True, None, []

    def do_GET(self):
        body = self.files.get(self.path)
        self.asked.append((self.path, self.headers.get("Range")))
        if body is None:
            self.send_error(404)
            return
        start = int(self.headers.get("Range", "bytes=0-")[6:-1]) if self.ranges else 0
        if start and start >= len(body):
            self.send_error(416)
            return
        self.send_response(206 if start else 200)
        self.send_header("Content-Length", str(len(body) - start))
        self.end_headers()
        self.wfile.write(body[start:][: self.breaks_after])

    def log_message(self, *_):
        pass


@pytest.fixture
def server():
    handler = type("Handler", (Server,), {"files": {}, "asked": []})
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as running:
        thread = threading.Thread(target=partial(running.serve_forever, 0.01))
        thread.start()
        handler.url = f"http://127.0.0.1:{running.server_port}"
        yield handler
        running.shutdown()
        thread.join()


def archive(subset):
    """A tar.gz as OpenSLR's: LibriSpeech/SUBSET/1/2/1-2-0000.flac."""
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w:gz") as tar:
        info = tarfile.TarInfo(f"LibriSpeech/{subset}/1/2/1-2-0000.flac")
        info.size = 5000
        tar.addfile(info, io.BytesIO(bytes(i * 7 % 251 for i in range(5000))))
    return packed.getvalue()


def test_downloads_and_unpacks_once(downloader, server, tmp_path, monkeypatch):
    server.files = {f"/{s}.tar.gz": archive(s) for s in downloader.MD5}
    sums = {s: hashlib.md5(server.files[f"/{s}.tar.gz"]).hexdigest() for s in downloader.MD5}
    monkeypatch.setattr(downloader, "MD5", sums)
    for _ in range(2):
        downloader.main(["--url", server.url, str(tmp_path)])
    for subset in sums:
        assert (tmp_path / "LibriSpeech" / subset / "1/2/1-2-0000.flac").stat().st_size == 5000
    assert len(server.asked) == 2, "what is there is not downloaded again"
    assert [p.name for p in tmp_path.iterdir()] == ["LibriSpeech"]


@pytest.mark.parametrize("ranges", [True, False])
def test_an_interrupted_download_goes_on(downloader, server, tmp_path, ranges):
    body = bytes(range(256)) * 40
    server.files, server.ranges, server.breaks_after = {"/x": body}, ranges, 4000
    path = tmp_path / "x"
    with pytest.raises(InputError, match="broke after 4000 of 10240 bytes.*run the same command again to resume"):
        downloader.download(f"{server.url}/x", path, hashlib.md5(body).hexdigest())
    assert not path.exists()
    server.breaks_after = None
    downloader.download(f"{server.url}/x", path, hashlib.md5(body).hexdigest())
    assert path.read_bytes() == body
    assert server.asked[-1] == ("/x", "bytes=4000-")


def test_a_whole_download_that_was_not_named_yet_is_taken(downloader, server, tmp_path):
    body = b"whole"
    server.files = {"/x": body}
    (tmp_path / "x.part").write_bytes(body)
    downloader.download(f"{server.url}/x", tmp_path / "x", hashlib.md5(body).hexdigest())
    assert (tmp_path / "x").read_bytes() == body


def test_a_wrong_checksum_is_an_error_and_removes_the_file(downloader, server, tmp_path):
    server.files = {"/x": b"something else"}
    with pytest.raises(InputError, match="MD5 is .*, expected 0000"):
        downloader.download(f"{server.url}/x", tmp_path / "x", "0000")
    assert list(tmp_path.iterdir()) == []


def test_a_missing_file_and_a_dead_server_are_named(downloader, server, tmp_path):
    with pytest.raises(InputError, match="/gone: HTTP Error 404"):
        downloader.download(f"{server.url}/gone", tmp_path / "x", "0000")
    with pytest.raises(InputError, match="http://127.0.0.1:9/x: "):
        downloader.download("http://127.0.0.1:9/x", tmp_path / "x", "0000")
