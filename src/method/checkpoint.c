/* Checkpoints: the whole state of a run at its last complete iteration, so that a resumed run goes on bit for
 * bit.
 *
 * File: magic, version, byte-order mark, CRC-32 of the body, body length, body. Body: method, options,
 * identity of the problem, tally, iterate, best so far, named vectors, children (each a body of its own). Then what
 * nested problems remember. */
#include "method/driver.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

static const char MAGIC[8] = "TALWEGCK";
enum { VERSION = 4, BYTE_ORDER_MARK = 0x01020304, NAME_MAX_BYTES = 128, HEADER_BYTES = 32 };
static const size_t FILE_MAX = (size_t)1 << 40;

/* ------------------------------------------------------------------ identity of a problem */

static uint64_t hash_vector(const double *x, int64_t n, uint64_t seed) {
  return x == NULL ? tw_hash("none", 4, seed) : tw_hash(x, (size_t)n * sizeof *x, seed);
}

/* Sizes and bounds. The objective is compared at the saved point. */
static uint64_t identity(const tw_oracle *o) {
  const int64_t sizes[3] = {o->n, o->m, o->k};
  const bool bounded = (o->offers & TW_BOUNDS) != 0;
  uint64_t h = tw_hash(sizes, sizeof sizes, VERSION);
  h = hash_vector(bounded ? o->lower : NULL, o->n, h);
  h = hash_vector(bounded ? o->upper : NULL, o->n, h);
  h = hash_vector(o->m > 0 ? o->c_lower : NULL, o->m, h);
  return hash_vector(o->m > 0 ? o->c_upper : NULL, o->m, h);
}

/* ------------------------------------------------------------------ packing */

static void pack_optimality(tw_packer *p, const tw_optimality *o) {
  tw_pack_f64(p, o->stationarity);
  tw_pack_f64(p, o->feasibility);
  tw_pack_f64(p, o->complementarity);
}

static tw_optimality unpack_optimality(tw_unpacker *u) {
  tw_optimality o;
  o.stationarity = tw_unpack_f64(u);
  o.feasibility = tw_unpack_f64(u);
  o.complementarity = tw_unpack_f64(u);
  return o;
}

static void pack_tally(tw_packer *p, const tw_tally *t) {
  tw_pack_bytes(p, &t->counts, sizeof t->counts);
  tw_pack_i64(p, t->iteration);
  tw_pack_f64(p, t->f);
  tw_pack_f64(p, t->bound);
  tw_pack_f64(p, t->scale);
  tw_pack_f64(p, t->size);
  tw_pack_f64(p, t->f_start);
  pack_optimality(p, &t->optimality);
  tw_pack_f64(p, t->last_f);
  tw_pack_f64(p, t->last_stationarity);
  tw_pack_f64(p, t->last_feasibility);
  tw_pack_i64(p, t->idle);
  tw_pack_f64(p, t->level_f);
  tw_pack_f64(p, t->level_stationarity);
  tw_pack_i64(p, t->still);
}

static tw_tally unpack_tally(tw_unpacker *u) {
  tw_tally t;
  tw_unpack_bytes(u, &t.counts, sizeof t.counts);
  t.iteration = tw_unpack_i64(u);
  t.f = tw_unpack_f64(u);
  t.bound = tw_unpack_f64(u);
  t.scale = tw_unpack_f64(u);
  t.size = tw_unpack_f64(u);
  t.f_start = tw_unpack_f64(u);
  t.optimality = unpack_optimality(u);
  t.last_f = tw_unpack_f64(u);
  t.last_stationarity = tw_unpack_f64(u);
  t.last_feasibility = tw_unpack_f64(u);
  t.idle = tw_unpack_i64(u);
  t.level_f = tw_unpack_f64(u);
  t.level_stationarity = tw_unpack_f64(u);
  t.still = tw_unpack_i64(u);
  return t;
}

static void pack_options(const tw_driver *d, tw_packer *p) {
  const int count = tw_options_count(d->run.method);
  tw_pack_i64(p, count);
  for (int i = 0; i < count; i++) {
    tw_pack_string(p, d->run.method->options[i].name);
    tw_pack_f64(p, d->option[i]);
  }
}

static void pack_best(const tw_driver *d, tw_packer *p) {
  tw_pack_u32(p, d->best.found);
  tw_pack_f64(p, d->best.f);
  pack_optimality(p, &d->best.optimality);
  tw_pack_f64(p, d->best.scale);
  tw_pack_u32(p, d->best.x != NULL);
  if (d->best.x == NULL) return;
  tw_pack_vector(p, d->best.x, d->run.n);
  tw_pack_vector(p, d->best.dual, d->m);
}

static bool unpack_best(tw_driver *d, tw_unpacker *u) {
  d->best.found = tw_unpack_u32(u) != 0;
  d->best.f = tw_unpack_f64(u);
  d->best.optimality = unpack_optimality(u);
  d->best.scale = tw_unpack_f64(u);
  if ((tw_unpack_u32(u) != 0) != (d->best.x != NULL)) return false;
  return d->best.x == NULL ||
         (tw_unpack_vector(u, d->best.x, d->run.n) && tw_unpack_vector(u, d->best.dual, d->m));
}

void tw_driver_pack(const tw_driver *d, tw_packer *p) {
  tw_pack_string(p, d->run.method->name);
  pack_options(d, p);
  tw_pack_i64(p, d->run.n);
  tw_pack_i64(p, d->m);
  tw_pack_i64(p, d->run.oracle != NULL ? (int64_t)identity(d->run.oracle) : 0);
  tw_pack_i64(p, (int64_t)d->run.seed);
  tw_pack_f64(p, tw_driver_seconds(d));
  tw_pack_i64(p, d->outcome);
  pack_tally(p, &d->boundary);
  tw_pack_vector(p, d->run.x, d->run.n);
  tw_pack_vector(p, d->run.dual, d->m);
  pack_best(d, p);
  tw_pack_i64(p, d->vectors);
  for (int i = 0; i < d->vectors; i++) {
    tw_pack_string(p, d->vector[i].name);
    tw_pack_vector(p, d->vector[i].data, d->vector[i].n);
  }
  tw_pack_i64(p, d->children);
  for (int i = 0; i < d->children; i++) {
    tw_pack_string(p, d->child[i].name);
    tw_driver_pack(d->child[i].driver, p);
  }
  if (d->parent == NULL) tw_driver_pack_memory(d, p);
}

/* ------------------------------------------------------------------ unpacking */

static tw_status malformed(tw_error *error) {
  return tw_fail(error, TW_ERR_PARSE, "the checkpoint is malformed");
}

static bool is_limit(const char *option) {
  return strcmp(option, "tol") == 0 || strcmp(option, "max_iter") == 0;
}

/* Mathematical options come from the file; tol and max_iter belong to the run that goes on, unless it is a
 * child. An option named for this run must agree with the file. */
static tw_status unpack_options(tw_driver *d, tw_unpacker *u, bool child, tw_error *error) {
  const tw_method *method = d->run.method;
  const int count = tw_options_count(method);
  if (tw_unpack_i64(u) != count) return malformed(error);
  for (int i = 0; i < count; i++) {
    char name[NAME_MAX_BYTES];
    const bool read = tw_unpack_string(u, name, sizeof name);
    const double value = tw_unpack_f64(u);
    if (!read || u->failed || strcmp(name, method->options[i].name) != 0 ||
        !(value >= method->options[i].low) ||
        (method->options[i].type != TW_OPTION_CHOICE && !(value <= method->options[i].high)))
      return malformed(error);
    if (is_limit(name) && !child) continue;
    if (d->given[i] && d->option[i] != value)
      return tw_fail(error, TW_ERR_ARGUMENT, "option %s of method %s is %g here and %g in the checkpoint",
                     name, method->name, d->option[i], value);
    d->option[i] = value;
  }
  return TW_OK;
}

static tw_status unpack_vectors(tw_driver *d, tw_unpacker *u, tw_error *error) {
  const int64_t count = tw_unpack_i64(u);
  for (int64_t i = 0; i < count && !u->failed; i++) {
    char name[NAME_MAX_BYTES];
    if (!tw_unpack_string(u, name, sizeof name)) break;
    tw_unpacker ahead = *u;
    const int64_t n = tw_unpack_i64(&ahead);
    if (ahead.failed || n < 0 || (uint64_t)n > (uint64_t)(ahead.end - ahead.at) / sizeof(double))
      return malformed(error);
    const tw_named_vector *v = tw_driver_vector(d, name, n);
    if (v == NULL) return tw_fail(error, TW_ERR_MEMORY, "out of memory for the checkpoint's '%s'", name);
    tw_unpack_vector(u, v->data, n);
  }
  return u->failed || count < 0 ? malformed(error) : TW_OK;
}

static tw_status unpack_body(tw_driver *d, tw_unpacker *u, bool child, tw_error *error);

/* A child's driver around sizes alone: its oracle comes when the parent asks for it. */
static tw_status unpack_child(tw_driver *parent, tw_unpacker *u, tw_error *error) {
  char name[NAME_MAX_BYTES], method[NAME_MAX_BYTES];
  if (!tw_unpack_string(u, name, sizeof name)) return malformed(error);
  tw_unpacker ahead = *u;
  if (!tw_unpack_string(&ahead, method, sizeof method)) return malformed(error);
  for (int64_t left = tw_unpack_i64(&ahead); left > 0 && !ahead.failed; left--) {
    char option[NAME_MAX_BYTES];
    tw_unpack_string(&ahead, option, sizeof option);
    tw_unpack_f64(&ahead);
  }
  const int64_t n = tw_unpack_i64(&ahead), m = tw_unpack_i64(&ahead);
  const tw_oracle shell = {.n = n, .m = m};
  const int64_t room = (int64_t)((size_t)(u->end - u->at) / sizeof(double));
  const tw_driver_setup setup = {
      .method = tw_method_find(method), .oracle = &shell, .exec = &parent->exec, .parent = parent};
  if (ahead.failed || setup.method == NULL || n < 1 || n > room || m < 0 || m > room) return malformed(error);
  tw_driver *d = NULL;
  tw_status status = tw_driver_make(&d, &setup, error);
  if (status == TW_OK) status = unpack_body(d, u, true, error);
  if (status == TW_OK &&
      (tw_driver_child(parent, name) != NULL || tw_driver_add_child(parent, name, d) == NULL))
    status = malformed(error);
  if (status != TW_OK)
    tw_driver_free(d);
  else
    d->run.oracle = NULL;
  return status;
}

static tw_status check_identity(const tw_driver *d, int64_t n, int64_t m, int64_t hash, bool child,
                                tw_error *error) {
  if (n != d->run.n || m != d->m)
    return tw_fail(
        error, TW_ERR_ARGUMENT,
        "the checkpoint is of another problem: %lld variables and %lld constraints, here %lld and %lld",
        (long long)n, (long long)m, (long long)d->run.n, (long long)d->m);
  if (!child && hash != (int64_t)identity(d->run.oracle))
    return tw_fail(error, TW_ERR_ARGUMENT,
                   "the checkpoint is of another problem: bounds or number of residuals differ");
  return TW_OK;
}

/* The objective at the saved point must be what the file says, to six digits (nested problems are not exact), where it has a value. */
static tw_status check_objective(const tw_driver *d, tw_error *error) {
  const tw_oracle *o = d->run.oracle;
  if (!(d->run.method->goals & TW_FOR_MINIMIZE) || o->value == NULL || !isfinite(d->boundary.f)) return TW_OK;
  double f = NAN, g = 0;
  tw_status status = o->value(o->context, d->run.x, &f, error);
  if (status == TW_OK && o->regularizer != NULL) status = o->regularizer(o->context, d->run.x, &g, error);
  if (status != TW_OK) return status;
  if (!isfinite(f + g) || fabs(f + g - d->boundary.f) <= 1e-6 * fmax(1, fabs(d->boundary.f))) return TW_OK;
  return tw_fail(error, TW_ERR_ARGUMENT,
                 "the checkpoint is of another problem or other data: the objective at its point is %.10g "
                 "there and %.10g here",
                 d->boundary.f, f + g);
}

static tw_status unpack_body(tw_driver *d, tw_unpacker *u, bool child, tw_error *error) {
  char method[NAME_MAX_BYTES];
  if (!tw_unpack_string(u, method, sizeof method)) return malformed(error);
  if (strcmp(method, d->run.method->name) != 0)
    return tw_fail(error, TW_ERR_ARGUMENT, "the checkpoint is of method %s, not %s", method,
                   d->run.method->name);
  tw_status status = unpack_options(d, u, child, error);
  if (status != TW_OK) return status;
  const int64_t n = tw_unpack_i64(u), m = tw_unpack_i64(u), hash = tw_unpack_i64(u);
  status = u->failed ? malformed(error) : check_identity(d, n, m, hash, child, error);
  if (status != TW_OK) return status;
  d->run.seed = (uint64_t)tw_unpack_i64(u);
  const double seconds = tw_unpack_f64(u);
  d->elapsed_before = seconds > 0 && isfinite(seconds) ? seconds : 0;
  const int64_t outcome = tw_unpack_i64(u);
  d->outcome = child && outcome >= TW_RUNNING && outcome <= TW_FAILED ? (tw_outcome)outcome : TW_RUNNING;
  const tw_tally tally = unpack_tally(u);
  tw_driver_set_tally(d, &tally);
  tw_driver_drop_state(d);
  d->run.x = d->x;
  if (!tw_unpack_vector(u, d->run.x, d->run.n) || !tw_unpack_vector(u, d->run.dual, d->m) ||
      !unpack_best(d, u))
    return malformed(error);
  status = unpack_vectors(d, u, error);
  for (int64_t left = status == TW_OK ? tw_unpack_i64(u) : 0; left > 0 && status == TW_OK; left--)
    status = unpack_child(d, u, error);
  if (status == TW_OK && u->failed) status = malformed(error);
  if (status == TW_OK && child) {
    d->tol = tw_run_real(&d->run, "tol");
    d->max_iter = tw_run_integer(&d->run, "max_iter");
  }
  return status;
}

/* ------------------------------------------------------------------ files */

static void write_header(FILE *stream, uint32_t crc, int64_t body, bool *failed) {
  tw_packer p = {.stream = stream, .failed = *failed};
  tw_pack_bytes(&p, MAGIC, sizeof MAGIC);
  tw_pack_u32(&p, VERSION);
  tw_pack_u32(&p, BYTE_ORDER_MARK);
  tw_pack_u32(&p, crc);
  tw_pack_u32(&p, 0);
  tw_pack_i64(&p, body);
  *failed = p.failed;
}

tw_status tw_driver_save(const tw_driver *d, const char *path, tw_error *error) {
  const bool rewound = d->torn && (!(d->run.method->traits & TW_ATOMIC) || d->snapshot.length > 0);
  if (rewound && d->snapshot.length == 0)
    return tw_fail(error, TW_ERR_ARGUMENT,
                   "the run stopped inside an iteration of %s and no checkpoint was asked for: there is no "
                   "complete state to save",
                   d->run.method->name);
  tw_file *file = NULL;
  const tw_status status = tw_file_create(&file, path, error);
  if (status != TW_OK) return status;
  FILE *stream = tw_file_stream(file);
  tw_packer p = {.stream = stream};
  write_header(stream, 0, 0, &p.failed); /* room for the real one */
  if (rewound)
    tw_pack_bytes(&p, d->snapshot.data, d->snapshot.length);
  else
    tw_driver_pack(d, &p);
  const long end = ftell(stream);
  if (end < HEADER_BYTES || fseek(stream, 0, SEEK_SET) != 0) p.failed = true;
  write_header(stream, p.crc, end - HEADER_BYTES, &p.failed);
  if (p.failed) {
    tw_file_discard(file);
    return tw_fail(error, TW_ERR_IO, "checkpoint %s could not be written", path);
  }
  return tw_file_commit(file, error);
}

static tw_status check_header(tw_unpacker *u, tw_error *error) {
  char magic[sizeof MAGIC];
  tw_unpack_bytes(u, magic, sizeof magic);
  if (u->failed || memcmp(magic, MAGIC, sizeof magic) != 0)
    return tw_fail(error, TW_ERR_PARSE, "this is not a checkpoint of talweg");
  const uint32_t version = tw_unpack_u32(u), mark = tw_unpack_u32(u), crc = tw_unpack_u32(u);
  tw_unpack_u32(u);
  const int64_t length = tw_unpack_i64(u);
  if (u->failed || mark != BYTE_ORDER_MARK)
    return tw_fail(error, TW_ERR_PARSE,
                   "the checkpoint is truncated or comes from a machine with another byte order");
  if (version != VERSION)
    return tw_fail(error, TW_ERR_PARSE, "the checkpoint has format version %u; this library reads version %d",
                   version, VERSION);
  if (length != u->end - u->at)
    return tw_fail(error, TW_ERR_PARSE, "the checkpoint is truncated: %lld bytes of %lld",
                   (long long)(u->end - u->at), (long long)length);
  uint32_t found = 0;
  for (const char *at = u->at; at < u->end;) {
    const size_t left = (size_t)(u->end - at), chunk = left > (1u << 30) ? (1u << 30) : left;
    found = (uint32_t)crc32(found, (const Bytef *)at, (uInt)chunk);
    at += chunk;
  }
  return found == crc
             ? TW_OK
             : tw_fail(error, TW_ERR_PARSE, "the checkpoint is damaged: its checksum does not match");
}

tw_status tw_driver_load(tw_driver *d, const char *path, tw_error *error) {
  char *data = NULL;
  size_t bytes = 0;
  tw_status status = tw_file_read(path, FILE_MAX, &data, &bytes, error);
  if (status != TW_OK) return status;
  tw_unpacker u = {data, data + bytes, false};
  status = check_header(&u, error);
  if (status == TW_OK) {
    status = unpack_body(d, &u, false, error);
    if (status == TW_OK) status = check_objective(d, error);
    if (status == TW_OK) status = tw_driver_unpack_memory(d, &u, error); /* last: evaluations change it */
    d->torn = status != TW_OK;
    if (status != TW_OK)
      tw_driver_end(d, TW_FAILED, "the checkpoint could not be loaded");
    else
      d->message[0] = '\0', tw_driver_test_end(d);
  }
  if (status != TW_OK) tw_error_prefix(error, "%s", path);
  free(data);
  return status;
}
