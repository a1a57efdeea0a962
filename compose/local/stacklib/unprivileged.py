"""Running a program that refuses to be root, when we are root.

The service user must reach the installed files and its data folder, which often lie below a home folder that is closed
to others (root's own). Where it can't, it gets the one capability that lets it read and search (CAP_DAC_READ_SEARCH), and
nothing else of root's power; where not even that helps, the message says what to move.
"""

import os
import pwd
import shutil
import subprocess

from .layout import SERVICE_USER, StackError

PROBE_SECONDS = 10
READ_ONLY_CAPABILITY = "dac_read_search"


def needed() -> bool:
    return os.geteuid() == 0


def service_user() -> pwd.struct_passwd:
    try:
        return pwd.getpwnam(SERVICE_USER)
    except KeyError:
        raise StackError(f"The user {SERVICE_USER} does not exist, and the search engine refuses to run as root.\n"
                         "Run compose/local/install (as root) first, or run the stack as another user.") from None


def give(*folders) -> None:
    """Makes the folders if they are not there, and the service user their owner."""
    for folder in folders:
        folder.mkdir(parents=True, exist_ok=True)
        if needed() and folder.stat().st_uid != service_user().pw_uid:
            user = service_user()
            for root, _, files in os.walk(folder):
                os.chown(root, user.pw_uid, user.pw_gid)
                for name in files:
                    os.chown(os.path.join(root, name), user.pw_uid, user.pw_gid)


def prefix(reads: list, writes: list, what: str) -> list:
    """The words to put before a command so that it runs as the service user. Empty when we are not root."""
    if not needed():
        return []
    service_user()
    plain = ["setpriv", f"--reuid={SERVICE_USER}", f"--regid={SERVICE_USER}", "--clear-groups"]
    # Without no_setuid_fixup, access(2) would answer as if the capability were not there; with it, the change of user
    # drops nothing by itself, so all that is not named here is dropped by hand.
    reader = plain + ["--securebits=+no_setuid_fixup", f"--bounding-set=-all,+{READ_ONLY_CAPABILITY}",
                      f"--inh-caps=-all,+{READ_ONLY_CAPABILITY}", f"--ambient-caps=-all,+{READ_ONLY_CAPABILITY}"]
    for words in (plain, reader):
        if reaches(words, reads, writes):
            return [shutil.which(words[0]), *words[1:], "--"]
    raise StackError(f"{what} must run as user {SERVICE_USER}, who can't reach all of:\n  "
                     + "\n  ".join(map(str, reads + writes))
                     + "\nMove them to where he can: ORDERLOG_CACHE=/var/cache/orderlog and `stack --dir /var/lib/orderlog/…`,\n"
                     "or run the stack as a user other than root.")


def reaches(words: list, reads: list, writes: list) -> bool:
    tests = [f'[ -r "{path}" ] && [ -x "{path}" ]' for path in reads] + [f'[ -w "{path}" ] && [ -x "{path}" ]' for path in writes]
    done = subprocess.run([*words, "--", "sh", "-c", " && ".join(tests)], timeout=PROBE_SECONDS, check=False,
                          stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    return done.returncode == 0
