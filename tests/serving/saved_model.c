/* Runs a signature of a SavedModel through TensorFlow's C API, with no Python in the process.
 *
 *     saved_model EXPORT SIGNATURE FOLDER [CALLS]
 *
 * Names of tensors, dtypes and shapes are read from the signature. Input `name` is read from FOLDER/name.in: the
 * number of its dtype, the number of axes and the sizes (int64 each), then the values. Output `name` is written to
 * FOLDER/name.out alike, strings a line each. With CALLS the signature is called so many times more, and the
 * nanoseconds of each call are printed, one a line.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "tensorflow/c/c_api.h"

#define MOST 256 /* tensors of a signature */

typedef struct {
  const uint8_t *at, *end;
} Bytes;

typedef struct {
  char name[256];   /* in the signature */
  char tensor[256]; /* in the graph: operation:index */
  int64_t dtype;
} Port;

static void fail(const char *what, const char *why) {
  fprintf(stderr, "%s: %s\n", what, why);
  exit(1);
}

static void check(TF_Status *status, const char *what) {
  if (TF_GetCode(status) != TF_OK) fail(what, TF_Message(status));
}

/* Protocol buffers: a message is a row of fields, each a number and a value; only varints and bytes occur here. */

static uint64_t varint(Bytes *in) {
  uint64_t value = 0;
  for (int shift = 0; in->at < in->end && shift < 64; shift += 7) {
    uint8_t byte = *in->at++;
    value |= (uint64_t)(byte & 0x7f) << shift;
    if (!(byte & 0x80)) return value;
  }
  fail("metagraph", "a number is cut off");
  return 0;
}

/* Reads the next field; returns its number, 0 at the end. Its value is in *number, or in *bytes. */
static int next_field(Bytes *in, uint64_t *number, Bytes *bytes) {
  if (in->at >= in->end) return 0;
  uint64_t key = varint(in);
  *number = 0;
  bytes->at = bytes->end = NULL;
  switch (key & 7) {
    case 0:
      *number = varint(in);
      break;
    case 1:
      in->at += 8;
      break;
    case 2: {
      uint64_t size = varint(in);
      if (size > (uint64_t)(in->end - in->at)) fail("metagraph", "a field is cut off");
      bytes->at = in->at;
      bytes->end = in->at += size;
      break;
    }
    case 5:
      in->at += 4;
      break;
    default:
      fail("metagraph", "a field of unknown type");
  }
  return (int)(key >> 3);
}

static void text(Bytes bytes, char *out, size_t room) {
  size_t size = (size_t)(bytes.end - bytes.at);
  if (size >= room) fail("metagraph", "a name is too long");
  memcpy(out, bytes.at, size);
  out[size] = 0;
}

/* An entry of a map: field 1 is the key, field 2 the value. */
static Bytes entry(Bytes in, char *key, size_t room) {
  Bytes value = {NULL, NULL}, bytes;
  uint64_t number;
  int field;
  key[0] = 0;
  while ((field = next_field(&in, &number, &bytes))) {
    if (field == 1) text(bytes, key, room);
    if (field == 2) value = bytes;
  }
  return value;
}

/* MetaGraphDef.signature_def (5) is a map to SignatureDef: inputs (1) and outputs (2), maps to TensorInfo:
 * name (1) and dtype (2). */
static int signature(const TF_Buffer *metagraph, const char *wanted, Port *inputs, Port *outputs, int *n_outputs) {
  Bytes graph = {metagraph->data, (const uint8_t *)metagraph->data + metagraph->length}, bytes;
  uint64_t number;
  int field, n_inputs = 0;
  char key[256];
  *n_outputs = 0;
  while ((field = next_field(&graph, &number, &bytes))) {
    if (field != 5) continue;
    Bytes definition = entry(bytes, key, sizeof key);
    if (strcmp(key, wanted)) continue;
    while ((field = next_field(&definition, &number, &bytes))) {
      if (field != 1 && field != 2) continue;
      int *n = field == 1 ? &n_inputs : n_outputs;
      if (*n == MOST) fail(wanted, "too many tensors");
      Port *port = (field == 1 ? inputs : outputs) + (*n)++;
      Bytes info = entry(bytes, port->name, sizeof port->name), part;
      port->dtype = 0;
      while ((field = next_field(&info, &number, &part))) {
        if (field == 1) text(part, port->tensor, sizeof port->tensor);
        if (field == 2) port->dtype = (int64_t)number;
      }
    }
    return n_inputs;
  }
  fail(wanted, "the export has no such signature");
  return 0;
}

static TF_Output find(TF_Graph *graph, const Port *port) {
  char operation[256];
  strcpy(operation, port->tensor);
  char *colon = strrchr(operation, ':');
  TF_Output found = {NULL, 0};
  if (colon) {
    *colon = 0;
    found.index = atoi(colon + 1);
  }
  found.oper = TF_GraphOperationByName(graph, operation);
  if (!found.oper) fail(port->tensor, "the graph has no such operation");
  return found;
}

static FILE *file_of(const char *folder, const char *name, const char *end, const char *mode) {
  char path[4096];
  int length = snprintf(path, sizeof path, "%s/%s.%s", folder, name, end);
  if (length < 0 || (size_t)length >= sizeof path) fail(name, "its path is too long");
  FILE *file = fopen(path, mode);
  if (!file) fail(path, "cannot be opened");
  return file;
}

static TF_Tensor *read_tensor(const char *folder, const Port *port) {
  FILE *file = file_of(folder, port->name, "in", "rb");
  int64_t dtype, rank, sizes[16];
  if (fread(&dtype, 8, 1, file) != 1 || dtype != port->dtype) fail(port->name, "its file is of another dtype");
  if (fread(&rank, 8, 1, file) != 1 || rank < 0 || rank > 16 || fread(sizes, 8, (size_t)rank, file) != (size_t)rank)
    fail(port->name, "no shape in its file");
  size_t bytes = TF_DataTypeSize((TF_DataType)port->dtype);
  for (int64_t i = 0; i < rank; i++) bytes *= (size_t)sizes[i];
  TF_Tensor *tensor = TF_AllocateTensor((TF_DataType)port->dtype, sizes, (int)rank, bytes);
  if (fread(TF_TensorData(tensor), 1, bytes, file) != bytes || fgetc(file) != EOF)
    fail(port->name, "its file is not as long as its shape says");
  fclose(file);
  return tensor;
}

static void write_tensor(const char *folder, const Port *port, const TF_Tensor *tensor) {
  FILE *file = file_of(folder, port->name, "out", "wb");
  int64_t dtype = TF_TensorType(tensor), rank = TF_NumDims(tensor), count = TF_TensorElementCount(tensor);
  fwrite(&dtype, 8, 1, file);
  fwrite(&rank, 8, 1, file);
  for (int i = 0; i < rank; i++) {
    int64_t size = TF_Dim(tensor, i);
    fwrite(&size, 8, 1, file);
  }
  if (dtype == TF_STRING) {
    const TF_TString *strings = TF_TensorData(tensor);
    for (int64_t i = 0; i < count; i++) {
      fwrite(TF_StringGetDataPointer(&strings[i]), 1, TF_StringGetSize(&strings[i]), file);
      fputc('\n', file);
    }
  } else {
    fwrite(TF_TensorData(tensor), 1, TF_TensorByteSize(tensor), file);
  }
  if (fclose(file)) fail(port->name, "cannot be written");
}

int main(int count, char **arguments) {
  if (count < 4) fail("usage", "saved_model EXPORT SIGNATURE FOLDER [CALLS]");
  const char *folder = arguments[3];
  long calls = count > 4 ? atol(arguments[4]) : 0;

  TF_Status *status = TF_NewStatus();
  TF_Graph *graph = TF_NewGraph();
  TF_SessionOptions *options = TF_NewSessionOptions();
  if (getenv("ONE_THREAD")) { /* ConfigProto: intra_op_parallelism_threads (2) and inter_op (5) of 1 */
    const uint8_t one[] = {0x10, 1, 0x28, 1};
    TF_SetConfig(options, one, sizeof one, status);
    check(status, "threads");
  }
  TF_Buffer *metagraph = TF_NewBuffer();
  const char *tags[] = {"serve"};
  TF_Session *session = TF_LoadSessionFromSavedModel(options, NULL, arguments[1], tags, 1, graph, metagraph, status);
  check(status, arguments[1]);

  static Port inputs[MOST], outputs[MOST];
  int n_outputs, n_inputs = signature(metagraph, arguments[2], inputs, outputs, &n_outputs);
  TF_Output from[MOST], to[MOST];
  TF_Tensor *given[MOST], *answered[MOST];
  for (int i = 0; i < n_inputs; i++) {
    from[i] = find(graph, &inputs[i]);
    given[i] = read_tensor(folder, &inputs[i]);
  }
  for (int i = 0; i < n_outputs; i++) to[i] = find(graph, &outputs[i]);

  for (long call = 0; call <= calls; call++) {
    struct timespec begin, end;
    clock_gettime(CLOCK_MONOTONIC, &begin);
    TF_SessionRun(session, NULL, from, given, n_inputs, to, answered, n_outputs, NULL, 0, NULL, status);
    clock_gettime(CLOCK_MONOTONIC, &end);
    check(status, arguments[2]);
    if (call) printf("%lld\n", (end.tv_sec - begin.tv_sec) * 1000000000LL + (end.tv_nsec - begin.tv_nsec));
    for (int i = 0; i < n_outputs; i++) {
      if (!call) write_tensor(folder, &outputs[i], answered[i]);
      TF_DeleteTensor(answered[i]);
    }
  }

  for (int i = 0; i < n_inputs; i++) TF_DeleteTensor(given[i]);
  TF_CloseSession(session, status);
  TF_DeleteSession(session, status);
  TF_DeleteSessionOptions(options);
  TF_DeleteBuffer(metagraph);
  TF_DeleteGraph(graph);
  TF_DeleteStatus(status);
  return 0;
}
