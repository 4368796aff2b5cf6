/* MUMPS keeps tables of all its instances: one thread at a time may be inside it, also by way of Ipopt. */
#ifndef TALWEG_LINEAR_MUMPS_LOCK_H
#define TALWEG_LINEAR_MUMPS_LOCK_H

void mumps_lock(void);
void mumps_unlock(void);

#endif
