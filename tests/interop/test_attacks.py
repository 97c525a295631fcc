# SPDX-License-Identifier: Apache-2.0
"""What somebody with bad intent sends to a guarded server, and what it answers; docs/reliability.md has the table.

Each attack is made while a job runs; at the end the server still answers, and the job has not noticed.
"""

import contextlib
import gzip
import hashlib
import pathlib
import resource
import socket
import time
import zipfile

import grpc
import pytest
from grpc_reflection.v1alpha.proto_reflection_descriptor_database import ProtoReflectionDescriptorDatabase

from conftest import Server
from test_training import descent_spec, make_api, upload_messages

TOKENS = {"reader": "read-me-and-nothing-else", "submitter": "submit-what-you-like"}
MOST_BYTES = 64 << 20  # of a data set, and what an attack may make the server take on top
STALLED = 300


def with_token(address, token):
    """A channel whose calls carry a token; plain text, as on loopback."""
    class Bearer(grpc.UnaryUnaryClientInterceptor, grpc.UnaryStreamClientInterceptor, grpc.StreamUnaryClientInterceptor):
        def add(self, go_on, details, request):
            header = ("authorization", f"Bearer {token}")
            return go_on(details._replace(metadata=[*(details.metadata or []), header]), request)
        intercept_unary_unary = intercept_unary_stream = intercept_stream_unary = add
    return grpc.intercept_channel(grpc.insecure_channel(address), Bearer())


@contextlib.contextmanager
def few_open_files():
    """What is started here may have fewer open files than attackers hold connections, unless it asks for more."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (STALLED // 2, hard))
    yield
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


class Attacked:
    def __init__(self, folder, arrays):
        self.imports = folder / "imports"
        self.imports.mkdir()
        principals = folder / "principals"
        principals.write_text("".join(
            f"{name} {name} sha256:{hashlib.sha256(token.encode()).hexdigest()}\n" for name, token in TOKENS.items()))
        principals.chmod(0o600)
        self.log_path = folder / "log"
        with open(self.log_path, "w") as log, few_open_files():
            self.server = Server(folder / "data", "--principals", str(principals), "--import-root", str(self.imports),
                                 "--max-dataset-bytes", str(MOST_BYTES), "--log-level", "debug", stderr=log)
        self.apis = {name: make_api(with_token(self.server.address, token)) for name, token in TOKENS.items()}
        api = self.submitter
        dataset = api.datasets.CreateDataset(upload_messages(api, api.data.TASK_BINARY, arrays, dataset_id="table"))
        self.spec = descent_spec(api, dataset)
        self.spec.stopping.max_epochs = 10**9
        job = api.job.Job(spec=self.spec)
        self.job = api.jobs.CreateJob(api.jobs_pb.CreateJobRequest(job=job)).name
        self.wait_for_progress()

    @property
    def submitter(self):
        return self.apis["submitter"]

    def call(self, name, method, raw=b"", answer=None, **metadata):
        """A unary call of any bytes."""
        headers = [("authorization", f"Bearer {TOKENS[name]}")] if name in TOKENS else []
        headers += list(metadata.items())
        # A connection of its own, as that of another machine is.
        options = [("grpc.use_local_subchannel_pool", 1)]
        with grpc.insecure_channel(self.server.address, options) as channel:
            return channel.unary_unary(method, response_deserializer=answer)(raw, metadata=headers, timeout=60)

    def get_job(self):
        return self.submitter.jobs.GetJob(self.submitter.jobs_pb.GetJobRequest(name=self.job))

    def wait_for_progress(self):
        begun = self.get_job().latest.epoch
        deadline = time.monotonic() + 60
        while self.get_job().latest.epoch <= begun:
            assert time.monotonic() < deadline, "the job stands still"
            time.sleep(0.01)

    def most_memory(self):
        """Bytes: the most that the server ever had."""
        status = pathlib.Path(f"/proc/{self.server.process.pid}/status").read_text()
        return next(int(line.split()[1]) << 10 for line in status.splitlines() if line.startswith("VmHWM"))


@pytest.fixture(scope="module")
def attacked(stubs, arrays, tmp_path_factory):
    running = Attacked(tmp_path_factory.mktemp("attacked"), arrays)
    yield running
    running.submitter.jobs.CancelJob(running.submitter.jobs_pb.CancelJobRequest(name=running.job))
    assert running.server.stop() == 0


@pytest.fixture(autouse=True)
def nobody_notices(attacked):
    """After each attack the job runs on, in its first attempt."""
    yield
    attacked.wait_for_progress()
    job = attacked.get_job()
    assert (job.state, job.attempt) == (attacked.submitter.job.JOB_STATE_RUNNING, 1)


@contextlib.contextmanager
def refused(*codes):
    with pytest.raises(grpc.RpcError) as caught:
        yield caught
    assert caught.value.code() in codes, caught.value.details()


READ = "/cvxnn.v1.JobService/ListJobs"
CHANGE = "/cvxnn.v1.JobService/CancelJob"


@pytest.mark.parametrize("authorization", [
    None, "Bearer wrong", "Bearer ", TOKENS["reader"], f"Basic {TOKENS['reader']}", f"Bearer {TOKENS['reader']}x",
    "Bearer " + hashlib.sha256(TOKENS["reader"].encode()).hexdigest()])
def test_without_the_right_token_nothing_is_answered(attacked, authorization):
    metadata = {} if authorization is None else {"authorization": authorization}
    for method in (READ, CHANGE, "/cvxnn.v1.ServerService/GetServerInfo", "/cvxnn.v1.JobService/Nothing"):
        with refused(grpc.StatusCode.UNAUTHENTICATED):
            attacked.call("nobody", method, **metadata)


def test_two_tokens_are_none(attacked):
    with refused(grpc.StatusCode.UNAUTHENTICATED):
        attacked.call("reader", READ, authorization="Bearer wrong")


def test_a_reader_changes_nothing(attacked):
    api = attacked.apis["reader"]
    with refused(grpc.StatusCode.PERMISSION_DENIED):
        api.jobs.CreateJob(api.jobs_pb.CreateJobRequest(job=api.job.Job(spec=attacked.spec)))
    for call, request in (
            (api.jobs.CancelJob, api.jobs_pb.CancelJobRequest(name=attacked.job)),
            (api.jobs.PauseJob, api.jobs_pb.PauseJobRequest(name=attacked.job)),
            (api.jobs.DeleteJob, api.jobs_pb.DeleteJobRequest(name=attacked.job)),
            (api.datasets.DeleteDataset, api.datasets_pb.DeleteDatasetRequest(name="datasets/table")),
            (api.datasets.ImportDataset, api.datasets_pb.ImportDatasetRequest(path="x.csv")),
            (api.datasets.GenerateDataset, api.datasets_pb.GenerateDatasetRequest()),
            (api.models.PruneModel, api.models_pb.PruneModelRequest(model="models/a"))):
        with refused(grpc.StatusCode.PERMISSION_DENIED):
            call(request)
    with refused(grpc.StatusCode.PERMISSION_DENIED):
        api.datasets.CreateDataset(iter([api.datasets_pb.CreateDatasetRequest()]))


def test_reflection_and_channelz_ask_who_is_there(attacked):
    with grpc.insecure_channel(attacked.server.address) as channel:
        with refused(grpc.StatusCode.UNAUTHENTICATED):
            ProtoReflectionDescriptorDatabase(channel).get_services()
    assert ProtoReflectionDescriptorDatabase(with_stream_token(attacked)).get_services()
    with refused(grpc.StatusCode.PERMISSION_DENIED):
        attacked.call("submitter", "/grpc.channelz.v1.Channelz/GetServers")


def with_stream_token(attacked):
    class Bearer(grpc.StreamStreamClientInterceptor):
        def intercept_stream_stream(self, go_on, details, requests):
            return go_on(details._replace(metadata=[("authorization", f"Bearer {TOKENS['reader']}")]), requests)
    return grpc.intercept_channel(grpc.insecure_channel(attacked.server.address), Bearer())


def test_no_import_leaves_the_root(attacked):
    api = attacked.submitter
    secret = attacked.imports.parent / "secret.csv"
    secret.write_text("a,label\n1,x\n2,y\n")
    (attacked.imports / "link.csv").symlink_to(secret)
    (attacked.imports / "chain.csv").symlink_to("link.csv")
    (attacked.imports / "up").symlink_to("..")
    (attacked.imports / "loop").symlink_to("loop")
    (attacked.imports / "folder").mkdir()
    for path in ("../secret.csv", str(secret), "link.csv", "chain.csv", "up/secret.csv", "folder/../../secret.csv", "/etc/passwd",
                 "//etc/passwd", "loop", "up"):
        with refused(grpc.StatusCode.PERMISSION_DENIED) as caught:
            api.datasets.ImportDataset(api.datasets_pb.ImportDatasetRequest(path=path, csv=api.datasets_pb.CsvFormat()))
        assert str(attacked.imports.parent) not in caught.value.details().replace(path, "")
    for path in ("", ".", "folder", "a\0b", "x" * 5000):
        with refused(grpc.StatusCode.INVALID_ARGUMENT, grpc.StatusCode.NOT_FOUND, grpc.StatusCode.PERMISSION_DENIED):
            api.datasets.ImportDataset(api.datasets_pb.ImportDatasetRequest(path=path, csv=api.datasets_pb.CsvFormat()))


def nested(depth):
    """Length-delimited fields within each other, as the field `job` of CreateJobRequest."""
    inner = b""
    for _ in range(depth):
        size, varint = len(inner), bytearray()
        while size >= 0x80:
            varint.append(size & 0x7f | 0x80)
            size >>= 7
        inner = b"\x0a" + bytes(varint) + bytes([size]) + inner
    return inner


MESSAGES = {
    "more than a message may have": (b"\x0a" + b"\xff" * (5 << 20), grpc.StatusCode.RESOURCE_EXHAUSTED),
    "groups within groups": (b"\x0b" * 100_000, grpc.StatusCode.INVALID_ARGUMENT),
    "messages within messages": (nested(20_000), grpc.StatusCode.INVALID_ARGUMENT),
    "noise": (bytes(range(256)) * 100, grpc.StatusCode.INVALID_ARGUMENT),
    "a length beyond the end": (b"\x0a\xff\xff\xff\xff\x07", grpc.StatusCode.INVALID_ARGUMENT),
}


@pytest.mark.parametrize("what", MESSAGES)
def test_messages_that_are_none_are_refused(attacked, what):
    raw, code = MESSAGES[what]
    for method in ("/cvxnn.v1.JobService/CreateJob", "/cvxnn.v1.DatasetService/GenerateDataset", "/cvxnn.v1.ModelService/Predict"):
        with refused(code):
            attacked.call("submitter", method, raw)


def test_a_header_of_megabytes_is_refused(attacked):
    with refused(grpc.StatusCode.RESOURCE_EXHAUSTED, grpc.StatusCode.UNAVAILABLE):
        attacked.call("reader", READ, nonsense="x" * (1 << 20))


def test_names_are_no_sql_and_no_paths(attacked):
    api = attacked.submitter
    for name in ("jobs/'; DROP TABLE jobs; --", "jobs/../../etc/passwd", "jobs/", "jobs/\u202e", "datasets/table", "jobs/" + "a" * 100_000):
        with refused(grpc.StatusCode.INVALID_ARGUMENT):
            api.jobs.GetJob(api.jobs_pb.GetJobRequest(name=name))
        with refused(grpc.StatusCode.INVALID_ARGUMENT):
            api.models.GetModel(api.models_pb.GetModelRequest(name=name))


def bombs():
    """Files of at most a few megabytes that promise, or become, a gigabyte."""
    zeros = b"\0" * (64 << 20)

    def gz(name, head, piece, pieces):
        def write(folder):
            with gzip.open(folder / name, "wb", compresslevel=1) as file:
                file.write(head)
                for _ in range(pieces):
                    file.write(piece)
            return name
        return write

    def npz(folder):
        header = b"{'descr': '<f8', 'fortran_order': False, 'shape': (134217728, 1), }"
        header += b" " * (-(len(header) + 11) % 64) + b"\n"
        with zipfile.ZipFile(folder / "bomb.npz", "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
            with archive.open("X.npy", "w", force_zip64=True) as member:
                member.write(b"\x93NUMPY\x01\0" + len(header).to_bytes(2, "little") + header)
                for _ in range(16):
                    member.write(zeros)
        return "bomb.npz"

    one_line = gz("line.csv.gz", b"a,label\n", b"1" * (1 << 20), 256)
    rows = gz("rows.csv.gz", b"a,label\n", b"1,x\n2,y\n" * (1 << 17), 256)
    images = gz("images-idx3-ubyte.gz", bytes([0, 0, 8, 3, 0, 16, 0, 0, 0, 0, 0, 32, 0, 0, 0, 32]), zeros, 16)
    return {"one line": (one_line, "csv"), "rows": (rows, "csv"), "images": (images, "idx"), "an array": (npz, "numpy")}


@pytest.mark.parametrize("what", bombs())
def test_a_bomb_is_refused_before_it_grows(attacked, what):
    make, form = bombs()[what]
    api, pb = attacked.submitter, attacked.submitter.datasets_pb
    path = make(attacked.imports)
    formats = {"csv": {"csv": pb.CsvFormat()}, "idx": {"idx": pb.IdxFormat(labels_path="labels")},
               "numpy": {"numpy": pb.NumpyFormat(task=api.data.TASK_REGRESSION, features_key="X", targets_key="X")}}[form]
    (attacked.imports / "labels").write_bytes(bytes([0, 0, 8, 1, 0, 16, 0, 0]) + bytes(1 << 20))
    before = attacked.most_memory()
    with refused(grpc.StatusCode.INVALID_ARGUMENT, grpc.StatusCode.RESOURCE_EXHAUSTED):
        api.datasets.ImportDataset(pb.ImportDatasetRequest(path=path, **formats))
    assert attacked.most_memory() - before < 4 * MOST_BYTES


def connected(address):
    host, port = address.rsplit(":", 1)
    return socket.create_connection((host, int(port)))


PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
SETTINGS = b"\0\0\0\4\0\0\0\0\0"
HALF_HEADERS = b"\0\0\x64\1\4\0\0\0\1" + b"\x83\x86"


@pytest.mark.parametrize("sent", [b"", PREFACE[:10], PREFACE, PREFACE + SETTINGS, PREFACE + SETTINGS + HALF_HEADERS],
                         ids=["nothing", "half a preface", "a preface", "settings", "half a request"])
def test_connections_that_stall_hold_up_nobody(attacked, sent):
    with contextlib.ExitStack() as stalled:
        for _ in range(STALLED):
            connection = stalled.enter_context(connected(attacked.server.address))
            connection.sendall(sent)
        attacked.call("reader", READ)
        attacked.wait_for_progress()


def test_a_connection_without_a_handshake_is_closed(attacked):
    """By the server, after its time for handshakes."""
    with connected(attacked.server.address) as connection:
        connection.settimeout(60)
        connection.sendall(PREFACE[:10])
        with contextlib.suppress(ConnectionResetError):
            while connection.recv(4096):
                pass


def test_no_secret_is_in_the_log(attacked):
    with refused(grpc.StatusCode.UNAUTHENTICATED):
        attacked.call("nobody", READ, authorization="Bearer a-secret-mistyped")
    log = attacked.log_path.read_text()
    assert '"msg":"refused"' in log
    for secret in (*TOKENS.values(), "a-secret-mistyped", *(hashlib.sha256(t.encode()).hexdigest() for t in TOKENS.values())):
        assert secret not in log
