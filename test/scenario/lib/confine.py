"""Runs a program as a unit of systemd would confine it, without systemd: its filters of system
calls, its limits, no privileges.

    confine.py UNIT [--without CALL,CALL...] PROGRAM ARGUMENTS...

What is built here follows systemd.exec(5); systemd itself says what is in its groups of calls. The
parts of a unit that hide files and devices are not tried. Signals are for the child."""
import ctypes
import errno
import os
import pathlib
import resource
import subprocess
import sys

LISTS = ("SystemCallFilter", "RestrictAddressFamilies")
FAMILIES = {"AF_UNIX": 1, "AF_INET": 2, "AF_INET6": 10, "AF_NETLINK": 16, "AF_PACKET": 17}
FAMILY_MAX = 17  # those above are refused as a whole

PROT_WRITE, PROT_EXEC, SHM_EXEC = 2, 4, 0o100000
S_ISUID, S_ISGID, O_CREAT = 0o4000, 0o2000, 0o100
NAMESPACES = (0x00000080, 0x00020000, 0x02000000, 0x04000000, 0x08000000, 0x10000000, 0x20000000,
              0x40000000)  # CLONE_NEW...
PR_CAPBSET_DROP, PR_SET_NO_NEW_PRIVS = 24, 38


def read(path, section="Service"):
    """The settings of a section: name -> value, and for LISTS all values in order."""
    settings, here = {}, False
    text = pathlib.Path(path).read_text().replace("\\\n", " ")
    for line in map(str.strip, text.splitlines()):
        if line.startswith("["):
            here = line == f"[{section}]"
        elif here and line and line[0] not in "#;":
            name, _, value = line.partition("=")
            name, value = name.strip(), value.strip()
            if name in LISTS:
                settings.setdefault(name, []).append(value)
            else:
                settings[name] = value
    return settings


def groups():
    """Name -> calls of each group, from systemd itself."""
    found, name = {}, None
    text = subprocess.run(["systemd-analyze", "syscall-filter", "--no-pager"], check=True,
                          capture_output=True, text=True).stdout
    for line in text.splitlines():
        if line.startswith("@"):
            name = line.strip()
            found[name] = []
        elif line.startswith(" ") and name and not line.strip().startswith("#"):
            found[name].append(line.strip())
        elif not line.startswith(" "):
            name = None  # what it has to say of calls in no group
    return found


def calls_of(words, known):
    """All calls that these words name, groups in groups too."""
    todo, calls = list(words), set()
    while todo:
        word = todo.pop()
        if word.startswith("@"):
            todo += known[word]
        else:
            calls.add(word)
    return calls


def allowed(lines, known):
    """What the lines of SystemCallFilter= let through. The first one says what kind of list it is:
    here always one of what is allowed, from which ~ takes away again."""
    assert lines and not lines[0].startswith("~"), "the first line must allow"
    calls = calls_of(["@default"], known)
    for line in lines:
        named = calls_of(line.lstrip("~").split(), known)
        calls = calls - named if line.startswith("~") else calls | named
    return calls


def is_on(settings, name):
    return settings.get(name) in ("yes", "true", "on", "1")


# ---- filters


def _filters(settings, without):
    """The filters in the order in which they are put on: each on its own, the strictest holds."""
    import seccomp  # pylint: disable=import-outside-toplevel
    ok, no = seccomp.ALLOW, seccomp.ERRNO
    arch = seccomp.Arch()

    def number(name):
        try:
            return seccomp.resolve_syscall(arch, name)
        except ValueError:
            return -1

    def rule(to, action, name, *args):
        if number(name) >= 0:  # others are calls of other machines
            to.add_rule(action, number(name), *args)

    def masked(index, bits):
        return seccomp.Arg(index, seccomp.MASKED_EQ, bits, bits)

    made = []
    if "RestrictAddressFamilies" in settings:
        some = seccomp.SyscallFilter(ok)
        good = {FAMILIES[word] for line in settings["RestrictAddressFamilies"]
                for word in line.split()}
        for family in sorted(set(range(FAMILY_MAX + 1)) - good):
            rule(some, no(errno.EAFNOSUPPORT), "socket", seccomp.Arg(0, seccomp.EQ, family))
        rule(some, no(errno.EAFNOSUPPORT), "socket", seccomp.Arg(0, seccomp.GT, FAMILY_MAX))
        made.append(some)
    if is_on(settings, "RestrictNamespaces"):
        some = seccomp.SyscallFilter(ok)
        rule(some, no(errno.EPERM), "unshare")
        rule(some, no(errno.EPERM), "setns")
        rule(some, no(errno.ENOSYS), "clone3")  # its flags cannot be seen
        for flag in NAMESPACES:
            rule(some, no(errno.EPERM), "clone", masked(0, flag))
        made.append(some)
    if is_on(settings, "MemoryDenyWriteExecute"):
        some = seccomp.SyscallFilter(ok)
        rule(some, no(errno.EPERM), "mmap", masked(2, PROT_WRITE | PROT_EXEC))
        rule(some, no(errno.EPERM), "mprotect", masked(2, PROT_EXEC))
        rule(some, no(errno.EPERM), "pkey_mprotect", masked(2, PROT_EXEC))
        rule(some, no(errno.EPERM), "shmat", masked(2, SHM_EXEC))
        made.append(some)
    if is_on(settings, "RestrictSUIDSGID"):
        some = seccomp.SyscallFilter(ok)
        modes = {"chmod": 1, "fchmod": 1, "fchmodat": 2, "fchmodat2": 2, "mkdir": 1, "mkdirat": 2,
                 "mknod": 1, "mknodat": 2, "creat": 1}
        for bit in (S_ISUID, S_ISGID):
            for name, index in modes.items():
                rule(some, no(errno.EPERM), name, masked(index, bit))
            rule(some, no(errno.EPERM), "open", masked(1, O_CREAT), masked(2, bit))
            rule(some, no(errno.EPERM), "openat", masked(2, O_CREAT), masked(3, bit))
        rule(some, no(errno.ENOSYS), "openat2")
        made.append(some)
    known = groups()
    good = allowed(settings["SystemCallFilter"], known) - set(without)
    refused = no(getattr(errno, settings["SystemCallErrorNumber"]))
    # Calls that this systemd does not know are not there at all: the C library then takes others.
    # One for another machine kills: SystemCallArchitectures=native, which libseccomp does by itself.
    assert settings["SystemCallArchitectures"] == "native"
    all_calls = seccomp.SyscallFilter(no(errno.ENOSYS))
    for name in sorted(calls_of(["@known"], known) | good):
        rule(all_calls, ok if name in good else refused, name)
    made.append(all_calls)
    return made


def apply(settings, without=()):
    """Confines this process and what it starts, for good."""
    filters = _filters(settings, without)
    if "LimitNOFILE" in settings:
        limit = int(settings["LimitNOFILE"])
        hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
        limit = limit if hard == resource.RLIM_INFINITY else min(limit, hard)
        resource.setrlimit(resource.RLIMIT_NOFILE, (limit, limit))
    os.umask(int(settings["UMask"], 8))
    libc = ctypes.CDLL(None, use_errno=True)
    assert is_on(settings, "NoNewPrivileges") and settings["CapabilityBoundingSet"] == ""
    if os.geteuid() == 0:
        for capability in range(64):  # those above the kernel's last one are refused
            libc.prctl(PR_CAPBSET_DROP, capability, 0, 0, 0)
    assert libc.prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0
    for each in filters:
        each.load()


def main():
    unit, rest, without = sys.argv[1], sys.argv[2:], []
    if rest[0] == "--without":
        without, rest = rest[1].split(","), rest[2:]
    child = os.fork()
    if child == 0:
        try:
            apply(read(unit), without)
            os.execv(rest[0], rest)
        except BaseException as fault:  # pylint: disable=broad-except
            sys.stderr.write(f"confine: {fault!r}\n")
            sys.stderr.flush()
        os._exit(99)
    status = os.waitpid(child, 0)[1]
    return os.waitstatus_to_exitcode(status)


if __name__ == "__main__":
    code = main()
    sys.exit(code if code >= 0 else 128 - code)
