/* op-scope: where the time of a generative model goes, operator by operator. */
#include "acceptance.h"
#include "recipe.h"
#include "report.h"

#include <stdlib.h>
#include <string.h>

typedef struct fields {
  const char *workload, *attention, *by, *roofline, *json;
  int64_t size, frames, batch, text, steps, runs, threads;
  bool counters, accept, again;
} fields;

#define FIELD(name) offsetof(fields, name)
static const tw_argument arguments[] = {
    {"WORKLOAD", NULL, TW_ARGUMENT_TEXT, FIELD(workload), 0, 0, false, "unet, decoder, image-tokens or video"},
    {"--size", "N", TW_ARGUMENT_INTEGER, FIELD(size), 1, 4096, false, "latent side, context, or image side"},
    {"--frames", "N", TW_ARGUMENT_INTEGER, FIELD(frames), 1, 1024, false, "of video"},
    {"--batch", "N", TW_ARGUMENT_INTEGER, FIELD(batch), 1, 1024, false, "examples at once"},
    {"--text", "N", TW_ARGUMENT_INTEGER, FIELD(text), 1, 4096, false, "tokens that images are conditioned on"},
    {"--steps", "N", TW_ARGUMENT_INTEGER, FIELD(steps), 1, 100000, false, "denoising steps, or tokens to decode (4)"},
    {"--attention", "LIST", TW_ARGUMENT_TEXT, FIELD(attention), 0, 0, false, "tiled, naive or both: tiled,naive (tiled)"},
    {"--by", "LIST", TW_ARGUMENT_TEXT, FIELD(by), 0, 0, false, "tables by class, by scope, or class,scope (class)"},
    {"--runs", "N", TW_ARGUMENT_INTEGER, FIELD(runs), 10, 10000, false, "timed runs, after 2 to warm up (10)"},
    {"--threads", "N", TW_ARGUMENT_INTEGER, FIELD(threads), 1, 16, false, "(1)"},
    {"--counters", NULL, TW_ARGUMENT_FLAG, FIELD(counters), 0, 0, false, "count cycles, instructions and cache misses where permitted"},
    {"--roofs", NULL, TW_ARGUMENT_FLAG, FIELD(again), 0, 0, false, "measure the machine, whatever is kept from before"},
    {"--roofline", "FILE", TW_ARGUMENT_TEXT, FIELD(roofline), 0, 0, false, "draw the roofline and the shares (.svg, .png)"},
    {"--json", "FILE", TW_ARGUMENT_TEXT, FIELD(json), 0, 0, false, "every node with its costs and times"},
    {"--accept", NULL, TW_ARGUMENT_FLAG, FIELD(accept), 0, 0, false, "measure what the recipe must show, as markdown"},
    {0}};
static const tw_verb verb = {"op-scope", "operator-level profile of a workload", arguments, sizeof(fields), NULL};

static bool lists(const char *list, const char *word, const char *otherwise) {
  const size_t length = strlen(word);
  for (const char *at = list ? list : otherwise; *at;) {
    const size_t n = strcspn(at, ",");
    if (n == length && strncmp(at, word, n) == 0) return true;
    at += n + (at[n] == ',');
  }
  return false;
}

/* All parts of the workload, naive before tiled so that pairs are neighbours. */
static tw_status measure_all(const fields *f, report *r, part *parts, tw_error *error) {
  tw_status status = TW_OK;
  for (int i = 0; i < r->w->n_parts && status == TW_OK; i++)
    for (int tiled = 0; tiled < 2 && status == TW_OK; tiled++) {
      if (!lists(f->attention, tiled ? "tiled" : "naive", "tiled")) continue;
      part *p = &parts[r->n];
      r->which[r->n] = i;
      r->part[r->n++] = p;
      status = part_open(p, r->w, i, &r->size, tiled, error);
      if (status == TW_OK) status = part_measure(p, &r->machine, (int)f->runs, f->counters, error);
    }
  return status;
}

static void put_tables(const fields *f, const report *r, tw_text *out) {
  report_machine(&r->machine, out);
  for (int i = 0; i < r->n; i++) {
    tw_text_puts(out, "\n");
    if (lists(f->by, "class", "class")) report_classes(r, i, out);
    if (lists(f->by, "scope", "class")) report_scopes(r, i, out);
  }
  tw_text_puts(out, "\n");
  report_trace(r, out);
  tw_text_puts(out, "\n");
  report_phases(r, out);
  for (int i = 0; i + 1 < r->n; i++) {
    if (r->which[i] != r->which[i + 1]) continue;
    const what_if w = report_what_if(r->part[i], r->part[i + 1]);
    tw_text_printf(
        out, "%s: attention is %.1f%% of the naive run and tiled %.2f times faster: predicted %.3f times faster in all, measured %.3f\n",
        r->part[i]->n.name, 100 * w.share, w.factor, w.predicted, w.measured);
  }
}

static tw_status profile(const fields *f, const tw_machine *machine, tw_error *error) {
  report r = {.w = workload_find(f->workload), .steps = f->steps ? f->steps : 4, .machine = *machine};
  part parts[REPORT_PARTS] = {0};
  tw_text text = {0}, json = {0};
  if (!r.w) return tw_fail(error, TW_ERR_NAME, "workload %s: expected unet, decoder, image-tokens or video", f->workload);
  r.size = workload_sizes(r.w, &(workload_size){f->size, f->frames, f->batch, f->text});
  if (strcmp(r.w->name, "unet") == 0 && r.size.size % 4)
    return tw_fail(error, TW_ERR_ARGUMENT, "--size %lld: two levels need a multiple of 4", (long long)r.size.size);
  tw_status status = measure_all(f, &r, parts, error);
  if (status == TW_OK && r.n == 0)
    status = tw_fail(error, TW_ERR_ARGUMENT, "--attention %s: expected tiled, naive or tiled,naive", f->attention);
  if (status == TW_OK) put_tables(f, &r, &text);
  if (status == TW_OK && text.failed) status = tw_fail(error, TW_ERR_MEMORY, "out of memory for tables");
  if (status == TW_OK) fputs(text.data, stdout);
  if (status == TW_OK && f->json) report_json(&r, &json), status = tw_file_write(f->json, &json, error);
  if (status == TW_OK && f->roofline) status = report_plot(&r, f->roofline, error);
  for (int i = 0; i < r.n; i++) part_close(r.part[i]);
  tw_text_free(&text);
  tw_text_free(&json);
  return status;
}

static tw_status run(const void *given, tw_error *error) {
  const fields *f = given;
  const int threads = f->threads ? (int)f->threads : 1;
  tw_machine machine;
  if (!f->accept && !f->workload) return tw_fail(error, TW_ERR_ARGUMENT, "which workload? unet, decoder, image-tokens or video");
  const tw_status status = f->again ? tw_machine_measure(threads, &machine, error) : tw_machine_get(threads, &machine, error);
  if (status != TW_OK) return status;
  return f->accept ? acceptance(&machine, f->runs ? (int)f->runs : 20, stdout, error) : profile(f, &machine, error);
}

int main(int argc, char **argv) {
  fields f = {0};
  return recipe_main(&verb, &f, run, argc, argv);
}
