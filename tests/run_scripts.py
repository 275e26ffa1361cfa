#!/usr/bin/python3
"""Runs the test scripts tests/*/test_* and counts what they report.

A script prints lines `ok NAME`, `not ok NAME reason` and `skip NAME reason`; everything else it
prints is shown only when it fails. It runs in the top folder of the repository with SPANFLOW_BUILD
naming the build folder. Ending with another status than 0 without a `not ok` line, printing no
result at all, or running into the time limit counts as one failure.

--again runs only the scripts that failed according to the file of results: beside the builds of
tools/check a reader or a collector may get no processor for longer than its queue lasts. What
passes then, alone, counts, and a line `unsteady NAME: reason` in the file keeps what failed first.
Called by tools/check.
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


def failures(path):
    """Script -> the reasons why it failed, by the file of results PATH."""
    found = {}
    for line in pathlib.Path(path).read_text(encoding="utf-8").splitlines():
        script, colon, reason = line.removeprefix("not ok ").partition(": ")
        if line.startswith("not ok ") and colon and (ROOT / "tests" / script).is_file():
            found.setdefault(script, []).append(reason)
    return found


def replace_results(path, script, results, reasons):
    """Puts RESULTS of the second run of SCRIPT in the place of those of the first in file PATH."""
    replaced = tuple(f"{kind} {script}: " for kind in ("ok", "not ok", "skip"))
    kept = [line for line in pathlib.Path(path).read_text(encoding="utf-8").splitlines()
            if not line.startswith(replaced)]
    if not any(line.startswith("not ok ") for line in results):
        results = results + [f"unsteady {script}: {reason}" for reason in reasons]
    pathlib.Path(path).write_text("".join(line + "\n" for line in kept + results),
                                  encoding="utf-8")


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--build", type=pathlib.Path, default=ROOT / "build")
    parser.add_argument("--only", default="", help="comma-separated folders of tests/")
    parser.add_argument("--leave-out", default="", help="comma-separated folders of tests/")
    parser.add_argument("--results", help="file to which the result lines are added")
    parser.add_argument("--again", action="store_true",
                        help="those that failed according to the file of results")
    parser.add_argument("--timeout", type=int, default=900, help="seconds for one script")
    parser.add_argument("--list", action="store_true")
    arguments = parser.parse_args()
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    scripts = find_scripts(set(filter(None, arguments.only.split(","))),
                           set(filter(None, arguments.leave_out.split(","))))
    failed_before = failures(arguments.results) if arguments.again else {}
    if arguments.again:
        scripts = [ROOT / "tests" / name for name in failed_before]
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
        if arguments.again:
            replace_results(arguments.results, name, results, failed_before[name])
        elif arguments.results:
            with open(arguments.results, "a", encoding="utf-8") as stream:
                stream.writelines(line + "\n" for line in results)
        sys.stdout.flush()
    return 1 if broken else 0


if __name__ == "__main__":
    sys.exit(main())
