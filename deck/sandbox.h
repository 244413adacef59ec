/* deck/sandbox.h - what this process may still do once strangers' sound comes in: use the
 * descriptors that are open, ask for memory, make a thread, end. Wraps libseccomp; Landlock has no
 * library.
 *
 * Everything else is refused with EPERM: files, sockets, other processes, code that was not there at
 * the start. Where the kernel lacks Landlock or seccomp, that is said once on stderr and the rest
 * holds.   Thread: main, before there is another. */
#ifndef MAST_DECK_SANDBOX_H
#define MAST_DECK_SANDBOX_H

/* Closes the doors behind this process, for good. */
void sandbox_enter(void);

/* Enters the sandbox and then tries what must not work, a line for each on stdout.
 * Returns 0 if all was refused and a thread could still be made, else 1. */
int sandbox_prove(void);

#endif
