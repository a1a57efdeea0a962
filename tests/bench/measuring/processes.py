"""CPU time and memory of processes, from /proc, and what machine this is."""
import os
import platform
import resource
import subprocess

TICKS = os.sysconf("SC_CLK_TCK")
LOAD_SECONDS_MORE = 30  # for a load generator to end after its time


def cpu_seconds(pid):
    """User and system time of a process and all its threads."""
    with open(f"/proc/{pid}/stat", encoding="ascii", errors="replace") as file:
        fields = file.read().rsplit(") ", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / TICKS


def resident_mb(pid):
    """Resident memory now and at its peak, in 10^6 bytes."""
    with open(f"/proc/{pid}/status", encoding="ascii") as file:
        rows = dict(line.split(":", 1) for line in file if ":" in line)
    return tuple(int(rows[name].split()[0]) * 1024 / 1e6 for name in ("VmRSS", "VmHWM"))


def run_measured(argv, environment, seconds):
    """Runs a load generator; returns its output and the CPU seconds it took. No other child may be waited for meanwhile."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    done = subprocess.run(list(map(str, argv)), env=environment, capture_output=True, text=True, timeout=seconds + LOAD_SECONDS_MORE, check=False)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    if done.returncode != 0:
        raise RuntimeError(f"{argv[0]} ended with {done.returncode}: {done.stdout[-500:]}{done.stderr[-500:]}")
    return done.stdout, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def machine():
    with open("/proc/cpuinfo", encoding="utf-8") as file:
        model = next((line.split(":", 1)[1].strip() for line in file if line.startswith("model name")), platform.machine())
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    return {"cores": len(os.sched_getaffinity(0)), "cpu": model, "memory_gb": round(memory / 1e9, 1), "kernel": platform.release()}
