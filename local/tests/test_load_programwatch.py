from __future__ import annotations

import subprocess
import sys

import psutil

from scones_local.load.programwatch import FUNCTION_CLIENT, is_fork

FORKING = "import os, time; os.fork(); print(os.getppid(), flush=True); time.sleep(60)"


def test_a_functions_fork_is_told_from_the_function() -> None:
    command = [sys.executable, "-c", FORKING, FUNCTION_CLIENT]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as function:
        assert function.stdout
        function.stdout.readline()
        function.stdout.readline()  # both run
        process = psutil.Process(function.pid)
        (fork,) = process.children()
        assert (is_fork(process), is_fork(fork)) == (False, True)
        fork.kill()
        function.kill()
