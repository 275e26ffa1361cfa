#!/usr/bin/python3
"""Runs the meson tests of a build folder and writes one result line for each test case.

A cmocka program reports its cases; each counts. A program that breaks off, or reports nothing,
counts as one case. --threads keeps to the tests of suite tsan and those named after threads or
rings: what the thread sanitizer is for. Called by tools/check.
"""
import argparse
import json
import pathlib
import re
import subprocess
import sys

CASE = re.compile(r"^\[\s*(OK|FAILED|SKIPPED)\s*\] ([A-Za-z0-9_]\w*)$", re.MULTILINE)
THREADED = re.compile(r"thread|(\b|_)ring(\b|_)|hand_?over")
GOOD = {"OK", "EXPECTEDFAIL"}


def threaded_tests(build):
    """The tests that run more than one thread: their names and their programs in BUILD."""
    listed = json.loads(subprocess.run(
        ["meson", "introspect", "--tests", str(build)], check=True, capture_output=True).stdout)
    return [(test["name"], str(pathlib.Path(test["cmd"][0]).relative_to(build.resolve())))
            for test in listed
            if THREADED.search(test["name"]) or any(s.endswith("tsan") for s in test["suite"])]


def results_of(test, label):
    """Result lines of one entry of testlog.json."""
    name = f"{label}: {test['name']}"
    text = (test.get("stdout") or "") + "\n" + (test.get("stderr") or "")
    cases = {}
    for verdict, case in CASE.findall(text):
        if cases.get(case) != "FAILED":
            cases[case] = verdict
    lines = [{"OK": f"ok {name}/{case}", "FAILED": f"not ok {name}/{case}",
              "SKIPPED": f"skip {name}/{case} skipped by the test"}[verdict]
             for case, verdict in cases.items()]
    if test["result"] == "SKIP":
        lines.append(f"skip {name} skipped by the test")
    elif test["result"] not in GOOD:
        if not any(line.startswith("not ok") for line in lines):
            lines.append(f"not ok {name} {test['result'].lower()}, status {test['returncode']}")
        print("\n".join("    | " + line for line in text.splitlines()[-40:]))
    elif not lines:
        lines.append(f"ok {name}")
    return lines


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("build", type=pathlib.Path)
    parser.add_argument("--label", default="unit")
    parser.add_argument("--threads", action="store_true")
    parser.add_argument("--programs", action="store_true",
                        help="print the programs of --threads, for ninja, and run nothing")
    parser.add_argument("--short", action="store_true", help="leave out the tests of suite long")
    parser.add_argument("--slower", type=int, default=1, help="factor on the time limits")
    parser.add_argument("--results", help="file to which the result lines are added")
    arguments = parser.parse_args()
    if arguments.programs:
        print("\n".join(sorted({program for _, program in threaded_tests(arguments.build)})))
        return 0
    log = arguments.build / "meson-logs" / "testlog.json"
    log.unlink(missing_ok=True)
    command = ["meson", "test", "-C", str(arguments.build), "--no-rebuild", "--quiet",
               "--no-stdsplit", "--num-processes", "2",
               "--timeout-multiplier", str(arguments.slower)]
    if arguments.short:
        command += ["--no-suite", "long"]
    if arguments.threads:
        names = [name for name, _ in threaded_tests(arguments.build)]
        if not names:
            print(f"  not ok {arguments.label}: no test with threads was found")
            return 1
        command += names
    run = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                         errors="replace")
    lines = []
    if log.exists():
        with open(log, encoding="utf-8", errors="replace") as stream:
            for line in stream:
                lines += results_of(json.loads(line), arguments.label)
    if not lines:
        lines.append(f"not ok {arguments.label}: meson test ran nothing, status {run.returncode}")
        print(run.stdout[-3000:])
    failed = [line for line in lines if line.startswith("not ok")]
    if run.returncode != 0 and not failed:
        failed.append(f"not ok {arguments.label}: meson test ended with status {run.returncode}")
        lines += failed
    print(f"  {arguments.label}: {len(lines) - len(failed)} passed or skipped, "
          f"{len(failed)} failed")
    print("\n".join("  " + line for line in lines if not line.startswith("ok ")), end="")
    if arguments.results:
        with open(arguments.results, "a", encoding="utf-8") as stream:
            stream.writelines(line + "\n" for line in lines)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
