"""What each function costs: size, start, memory."""

import http.server
import os
import re
import statistics
import subprocess
import threading
import time
import zipfile
from pathlib import Path

from cloud import PROJECT, ROOT, Failed, client


class Api(http.server.BaseHTTPRequestHandler):
    """The Runtime API as far as a start needs it: `next` is noted and never answered."""

    def do_GET(self):
        self.server.asked.set()
        time.sleep(3600)

    def do_POST(self):
        self.send_response(202)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_):
        pass


def print_functions():
    packages = sorted((ROOT / "dist").glob("*.zip"))
    print("\nPer function (start and memory: this machine's unoptimised build; zip: as in dist/):")
    print(f"  {'function':<22}{'zip, KiB':>10}{'start to first next, ms':>26}{'peak memory, MiB':>18}")
    for package in packages:
        name = package.stem
        binary = ROOT / "target" / "debug" / (f"{name}-stage" if name in ("build", "cutover") else name)
        milliseconds, peak = start(binary, settings_of(name))
        print(f"  {name:<22}{package.stat().st_size / 1024:>10.0f}{milliseconds:>26.0f}{peak:>18.1f}")
    if not all(map(is_optimised, packages)):
        print("  dist/ has the local cloud's unoptimised packages; `make package` makes those that are uploaded to AWS")


def is_optimised(package):
    """infra/package.sh compresses only what goes to AWS."""
    return all(one.compress_type == zipfile.ZIP_DEFLATED for one in zipfile.ZipFile(package).infolist())


def settings_of(function):
    deployed = client("lambda").get_function_configuration(FunctionName=f"{PROJECT}-{function}")
    return deployed.get("Environment", {}).get("Variables", {})


def start(binary, settings):
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Api)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, daemon=True).start()
    times, peaks = [], []
    for _ in range(5):
        server.asked = threading.Event()
        environment = {
            **os.environ,
            "AWS_LAMBDA_RUNTIME_API": f"127.0.0.1:{server.server_address[1]}",
            "AWS_LAMBDA_FUNCTION_NAME": "bench", "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": "256", "AWS_LAMBDA_FUNCTION_VERSION": "1",
            **settings,
        }
        began = time.monotonic()
        process = subprocess.Popen([binary], env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        if not server.asked.wait(10):
            raise Failed(f"{binary.name} did not ask for work within 10 s")
        times.append((time.monotonic() - began) * 1000)
        status = Path(f"/proc/{process.pid}/status").read_text()
        peaks.append(int(re.search(r"VmHWM:\s+(\d+)", status)[1]) / 1024)
        process.kill()
        process.wait()
    server.shutdown()
    return statistics.median(times), statistics.median(peaks)
