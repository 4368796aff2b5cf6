/* Cones in arrays: what the kinds give to the map over a product of them. */
#ifndef TALWEG_DOMAIN_CONES_H
#define TALWEG_DOMAIN_CONES_H

#include <talweg/domain.h>

/* exp and power: the projection of v [3] on the cone itself and what it leaves, v less that, which is minus the projection of -v on
 * the dual cone; d [10], unless NULL, gets its derivative, and in d[9] about how far v is from where there is none. */
void tw_cone_exp_project(const double *v, double *out, double *rest, double *d);
void tw_cone_power_project(double a, const double *v, double *out, double *rest, double *d);

/* psd of order k: data holds tw_cone_psd_data(k) numbers, the eigenvectors and eigenvalues of the last point projected, and room
 * for work. */
int64_t tw_cone_psd_data(int64_t k);
double tw_cone_psd_margin(int64_t k, const double *data); /* the smallest |eigenvalue| */
tw_status tw_cone_psd_project(int64_t k, double *data, const double *v, double *out, tw_error *error);
void tw_cone_psd_apply(int64_t k, double *data, const double *d, double *out);

#endif
