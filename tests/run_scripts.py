#!/usr/bin/python3
"""Runs the test scripts tests/*/test_* and counts what they report.

A script prints lines `ok NAME`, `not ok NAME reason` and `skip NAME reason`; everything else it
prints is shown only when it fails. It runs in the top folder of the repository with SPANFLOW_BUILD
naming the build folder. Ending with another status than 0 without a `not ok` line, printing no
result at all, or running into the time limit counts as one failure. Called by tools/check.
"""
import argparse
import os
import pathlib
import signal
import subprocess
import sys
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent


def find_scripts(only, leave_out):
    """Executable files tests/FOLDER/test_*, sorted, by the folders asked for."""
    scripts = []
    for path in sorted((ROOT / "tests").glob("*/test_*")):
        folder = path.parent.name
        if not path.is_file() or not os.access(path, os.X_OK) or folder in leave_out:
            continue
        if only and folder not in only:
            continue
        scripts.append(path)
    return scripts


def run(script, arguments, limit_s):
    """Runs SCRIPT in a process group of its own. Returns (lines, status, timed_out)."""
    environment = dict(os.environ, SPANFLOW_BUILD=str(arguments.build.resolve()))
    process = subprocess.Popen(
        [str(script)], cwd=ROOT, env=environment, stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, errors="replace",
        start_new_session=True)
    timed_out = False
    try:
        output, _ = process.communicate(timeout=limit_s)
    except KeyboardInterrupt:
        os.killpg(process.pid, signal.SIGTERM)
        process.wait()
        raise
    except subprocess.TimeoutExpired:
        timed_out = True
        os.killpg(process.pid, signal.SIGTERM)  # its traps take down what it set up
        try:
            output, _ = process.communicate(timeout=15)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            output, _ = process.communicate()
    return output.splitlines(), process.returncode, timed_out


def judge(name, lines, status, timed_out, limit_s):
    """The script's result lines, each with the script's name, made complete where it broke off."""
    results = [line.strip() for line in lines
               if line.strip().startswith(("ok ", "not ok ", "skip "))]
    failed = any(line.startswith("not ok ") for line in results)
    if timed_out:
        results.append(f"not ok whole still running after {limit_s} s")
    elif status != 0 and not failed:
        results.append(f"not ok whole ended with status {status}")
    elif not results:
        results.append("not ok whole printed no result")
    kinds = ("not ok ", "skip ", "ok ")
    named = []
    for line in results:
        kind = next(kind for kind in kinds if line.startswith(kind))
        named.append(f"{kind}{name}: {line[len(kind):]}")
    return named


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--build", type=pathlib.Path, default=ROOT / "build")
    parser.add_argument("--only", default="", help="comma-separated folders of tests/")
    parser.add_argument("--leave-out", default="", help="comma-separated folders of tests/")
    parser.add_argument("--results", help="file to which the result lines are added")
    parser.add_argument("--timeout", type=int, default=900, help="seconds for one script")
    parser.add_argument("--list", action="store_true")
    arguments = parser.parse_args()
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    scripts = find_scripts(set(filter(None, arguments.only.split(","))),
                           set(filter(None, arguments.leave_out.split(","))))
    broken = False
    for script in scripts:
        name = str(script.relative_to(ROOT / "tests"))
        if arguments.list:
            print(f"tests/{name}")
            continue
        start = time.monotonic()
        lines, status, timed_out = run(script, arguments, arguments.timeout)
        results = judge(name, lines, status, timed_out, arguments.timeout)
        counts = [sum(line.startswith(kind) for line in results)
                  for kind in ("ok ", "not ok ", "skip ")]
        print(f"  {name}: {counts[0]} passed, {counts[1]} failed, {counts[2]} skipped "
              f"({time.monotonic() - start:.1f} s)")
        if counts[1]:
            broken = True
            print("\n".join("    | " + line for line in lines[-60:]))
        for line in results:
            if not line.startswith("ok "):
                print("  " + line)
        if arguments.results:
            with open(arguments.results, "a", encoding="utf-8") as stream:
                stream.writelines(line + "\n" for line in results)
        sys.stdout.flush()
    return 1 if broken else 0


if __name__ == "__main__":
    sys.exit(main())
