/* main/simulate.h - `mast sim`, in builds that are not released */
#ifndef MAST_MAIN_SIMULATE_H
#define MAST_MAIN_SIMULATE_H

/* Runs the simulator and tells what happened. Shape: as main().
 * Returns 0; 1 an invariant is broken; 2 the arguments are wrong. */
int command_sim(int argc, char **argv);

#endif
