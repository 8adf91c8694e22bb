/* Reads a .mla file without Python: prints shape, type, checksum of the voxels, affine and metadata as JSON.
 *
 *   cc -O2 -I BLOSC2/include mla_read.c -o mla_read -L BLOSC2/lib -lblosc2 -lz
 *   ./mla_read FILE [i,j,k ...]        voxels at these indices, and where they lie in the world
 *
 * Written from docs/specification.md; a basic reader in the words of that page, for a little-endian machine.
 */
#include <b2nd.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

enum { MAX_META = 32 << 20, MAX_DEPTH = 256, MAX_ITEMS = 1000000, MAX_STACK = 4096 };

#define fail(...) (fputs("Error: ", stderr), fprintf(stderr, __VA_ARGS__), fputc('\n', stderr), exit(1))
#define require(condition) ((condition) ? (void)0 : fail("the metadata are damaged, too long or nested too deeply"))

/* ---- values: what metadata are made of. They live as long as the process. ---- */
typedef enum { NONE, BOOL, INT, UINT, REAL, TEXT, BYTES, LIST, DICT, NAME, DTYPE } Kind;

typedef struct Value {
  Kind kind;
  long long whole;      /* BOOL, INT, UINT */
  double real;          /* REAL */
  char *text;           /* TEXT, BYTES, NAME ("module name"), DTYPE (such as "f4") */
  size_t size, room;    /* bytes of text; items of LIST; keys and items, in turn, of DICT */
  struct Value **items;
} Value;

static void *reserve(void *old, size_t bytes) {
  void *room = realloc(old, bytes + 1);
  return room ? room : (fail("no memory for %zu bytes", bytes), NULL);
}

static Value *value_of(Kind kind) {
  static size_t made;
  require(++made <= 4 * MAX_ITEMS);
  Value *value = memset(reserve(NULL, sizeof(Value)), 0, sizeof(Value));
  value->kind = kind;
  return value;
}

static Value *whole(Kind kind, long long of) { Value *value = value_of(kind); value->whole = of; return value; }
static Value *real(double of) { Value *value = value_of(REAL); value->real = of; return value; }

static Value *text(Kind kind, const void *bytes, size_t size) {
  Value *value = value_of(kind);
  value->text = reserve(NULL, size + 1);
  memcpy(value->text, bytes, size);
  value->text[value->size = size] = 0;
  return value;
}

static void append(Value *list, Value *item) {
  if (list->size == list->room)
    list->items = reserve(list->items, (list->room = 2 * list->room + 8) * sizeof(Value *));
  list->items[list->size++] = item;
}

static Value *get(const Value *dict, const char *key) {
  Value *found = NULL;
  for (size_t i = 0; dict && dict->kind == DICT && i + 1 < dict->size; i += 2)
    if (dict->items[i]->kind == TEXT && !strcmp(dict->items[i]->text, key)) found = dict->items[i + 1];
  return found && found->kind == NONE ? NULL : found;
}

static void print_real(double number) {
  if (isnan(number)) fputs("NaN", stdout);
  else if (isinf(number)) fputs(number < 0 ? "-Infinity" : "Infinity", stdout);
  else printf(number == floor(number) && fabs(number) < 1e15 ? "%.1f" : "%.17g", number);
}

/* JSON, with NaN and infinities in Python's spelling. */
static void print(const Value *value, int depth) {
  static size_t printed;
  require(depth <= MAX_DEPTH && ++printed <= MAX_ITEMS);
  switch (value->kind) {
    case NONE: case BOOL: fputs(value->kind == NONE ? "null" : value->whole ? "true" : "false", stdout); break;
    case INT: case UINT: printf(value->kind == INT ? "%lld" : "%llu", value->whole); break;
    case REAL: print_real(value->real); break;
    case TEXT:
      putchar('"');
      for (size_t i = 0; i < value->size; i++) {
        unsigned char byte = value->text[i];
        printf(byte < 0x20 ? "\\u%04x" : byte == '"' || byte == '\\' ? "\\%c" : "%c", byte);
      }
      putchar('"');
      break;
    case LIST: case DICT:
      putchar(value->kind == LIST ? '[' : '{');
      for (size_t i = 0; i < value->size; i++) {
        int key = value->kind == DICT && i % 2 == 0, number = key && value->items[i]->kind == INT;
        if (i) fputs(value->kind == DICT && !key ? ": " : ", ", stdout);
        require(!key || number || value->items[i]->kind == TEXT);
        if (number) printf("\"%lld\"", value->items[i]->whole); /* as Python's json spells it */
        else print(value->items[i], depth + 1);
      }
      putchar(value->kind == LIST ? ']' : '}');
      break;
    default: fail("the metadata hold what is no plain value");
  }
}

/* ---- bytes, read one after the other ---- */
typedef struct { const unsigned char *at, *end; } Bytes;
static Bytes bytes_of(const Value *of) { return (Bytes){(void *)of->text, (unsigned char *)of->text + of->size}; }
static const unsigned char *take(Bytes *from, unsigned long long count) {
  require(count <= (size_t)(from->end - from->at));
  return (from->at += count) - count;
}

static unsigned long long number(Bytes *from, int size, int big_endian) {
  const unsigned char *bytes = take(from, size);
  unsigned long long found = 0;
  for (int i = 0; i < size; i++) found = found << 8 | bytes[big_endian ? i : size - 1 - i];
  return found;
}

static long long with_sign(unsigned long long bits, int size) {
  return size ? (long long)(bits << (64 - 8 * size)) >> (64 - 8 * size) : 0;
}

static double as_real(unsigned long long bits, int size) {
  union { unsigned bits; float real; } narrow = {(unsigned)bits};
  union { unsigned long long bits; double real; } wide = {bits};
  return size == 4 ? narrow.real : wide.real;
}

/* ---- MessagePack: what Blosc2 wraps metadata in, and the metadata of early files ---- */
static Value *unpack(Bytes *from, int depth) {
  require(depth <= MAX_DEPTH);
  unsigned tag = (unsigned)number(from, 1, 1);
  Kind kind;
  unsigned long long count;
  if (tag < 0x80) return whole(INT, tag);
  if (tag >= 0xE0) return whole(INT, (int)tag - 0x100);
  if (tag <= 0x8F) kind = DICT, count = tag & 0x0F;
  else if (tag <= 0x9F) kind = LIST, count = tag & 0x0F;
  else if (tag <= 0xBF) kind = TEXT, count = tag & 0x1F;
  else if (tag == 0xC0) return value_of(NONE);
  else if (tag == 0xC2 || tag == 0xC3) return whole(BOOL, tag & 1);
  else if (tag >= 0xC4 && tag <= 0xC6) kind = BYTES, count = number(from, 1 << (tag - 0xC4), 1);
  else if (tag == 0xCA || tag == 0xCB) return real(as_real(number(from, tag & 1 ? 8 : 4, 1), tag & 1 ? 8 : 4));
  else if (tag >= 0xCC && tag <= 0xCF) return whole(INT, (long long)number(from, 1 << (tag - 0xCC), 1));
  else if (tag >= 0xD0 && tag <= 0xD3) return whole(INT, with_sign(number(from, 1 << (tag & 3), 1), 1 << (tag & 3)));
  else if (tag >= 0xD9 && tag <= 0xDB) kind = TEXT, count = number(from, 1 << (tag - 0xD9), 1);
  else if (tag >= 0xDC && tag <= 0xDF) kind = tag < 0xDE ? LIST : DICT, count = number(from, tag & 1 ? 4 : 2, 1);
  else fail("MessagePack type 0x%02x is not read", tag);
  if (kind == TEXT || kind == BYTES) return text(kind, take(from, count), count);
  require(count <= MAX_ITEMS);
  Value *made = value_of(kind);
  for (unsigned long long i = 0; i < count * (kind == DICT ? 2 : 1); i++) append(made, unpack(from, depth + 1));
  return made;
}

/* ---- the pickle: a stack machine that knows plain values and calls nothing ---- */
static Value *stack[MAX_STACK], **memo;
static size_t top, marks[MAX_STACK], marked, remembered;

static void push(Value *value) { require(top < MAX_STACK); stack[top++] = value; }
static Value *pop(void) { require(top > 0); return stack[--top]; }

/* Move what lies above position `from` of the stack into a list or dict. */
static void gather(Value *into, size_t from) {
  require(from <= top);
  for (size_t i = from; i < top; i++) append(into, stack[i]);
  top = from;
}
static size_t unmark(void) { require(marked > 0); return marks[--marked]; }
static int is(const char *text, const char *other) { return !strcmp(text, other); }
static Value *expected(Value *value, Kind kind) { require(value->kind == kind); return value; }

/* The number of a NumPy type, by its letter, size in bytes and bits; null for types that JSON has no number for. */
static Value *numeric(char letter, unsigned long long bits, int size) {
  if (letter == 'f' && size > 2) return real(as_real(bits, size));
  if (letter == 'u' || letter == 'b') return whole(letter == 'b' ? BOOL : UINT, (long long)bits);
  return letter == 'i' ? whole(INT, with_sign(bits, size)) : value_of(NONE);
}

/* A NumPy number in the metadata: `numpy.dtype("f4")` and the bytes of it, little-endian. */
static Value *scalar(const Value *dtype, const Value *bytes) {
  int size = atoi(expected((Value *)dtype, DTYPE)->text + 1);
  Bytes from = bytes_of(expected((Value *)bytes, BYTES));
  require((int)bytes->size == size && size > 0 && size <= 8);
  return numeric(dtype->text[0], number(&from, size, 0), size);
}

/* The names that a file may hold. Nothing is called: each is rebuilt from its arguments as a plain value. */
static Value *rebuilt(const Value *name, const Value *arguments) {
  const char *called = expected((Value *)name, NAME)->text;
  Value *first = arguments->size ? arguments->items[0] : NULL;
  if (is(called, "collections defaultdict")) return value_of(DICT);
  if (first && is(called, "numpy dtype")) return text(DTYPE, expected(first, TEXT)->text, first->size);
  if (arguments->size == 2 && strstr(called, "multiarray scalar")) return scalar(first, arguments->items[1]);
  if (!is(called, "mlarray.meta _FrozenList") && !is(called, "mlarray.meta _FrozenDict") &&
      !is(called, "mlarray.meta AxisLabelEnum") && !is(called, "mlarray.meta CoordSystemEnum") &&
      !is(called, "collections OrderedDict")) fail("the metadata ask for %s", called);
  return first ? first : value_of(strstr(called, "Dict") ? DICT : LIST);
}

static Value *named(Value *module, Value *name) {
  char both[512];
  snprintf(both, sizeof both, "%s %s", expected(module, TEXT)->text, expected(name, TEXT)->text);
  return text(NAME, both, strlen(both));
}
static void tuple(size_t from) { Value *made = value_of(LIST); gather(made, from); push(made); }

static Value *unpickle(Bytes from) {
  for (;;) {
    int code = (int)number(&from, 1, 0);
    Value *one, *two;
    size_t base;
    switch (code) {
      case 0x80: take(&from, 1); break;                                  /* PROTO */
      case 0x95: take(&from, 8); break;                                  /* FRAME */
      case '.': return expected(pop(), DICT);                            /* STOP */
      case 'N': push(value_of(NONE)); break;                             /* NONE */
      case 0x88: case 0x89: push(whole(BOOL, code == 0x88)); break;      /* NEWTRUE, NEWFALSE */
      case 'K': push(whole(INT, (long long)number(&from, 1, 0))); break;      /* BININT1 */
      case 'M': push(whole(INT, (long long)number(&from, 2, 0))); break;      /* BININT2 */
      case 'J': push(whole(INT, with_sign(number(&from, 4, 0), 4))); break;   /* BININT */
      case 0x8A:                                                         /* LONG1 */
        require((base = number(&from, 1, 0)) <= 8);
        push(whole(INT, with_sign(number(&from, (int)base, 0), (int)base)));
        break;
      case 'G': push(real(as_real(number(&from, 8, 1), 8))); break;      /* BINFLOAT, big-endian */
      case 0x8C: base = number(&from, 1, 0); push(text(TEXT, take(&from, base), base)); break; /* SHORT_BINUNICODE */
      case 'X': base = number(&from, 4, 0); push(text(TEXT, take(&from, base), base)); break;  /* BINUNICODE */
      case 'C': base = number(&from, 1, 0); push(text(BYTES, take(&from, base), base)); break; /* SHORT_BINBYTES */
      case ']': push(value_of(LIST)); break;                             /* EMPTY_LIST */
      case '}': push(value_of(DICT)); break;                             /* EMPTY_DICT */
      case '(': require(marked < MAX_STACK); marks[marked++] = top; break; /* MARK */
      case 'a': require(top > 1); gather(expected(stack[top - 2], LIST), top - 1); break;      /* APPEND */
      case 's': require(top > 2); gather(expected(stack[top - 3], DICT), top - 2); break;      /* SETITEM */
      case 'e': case 'u':                                                /* APPENDS, SETITEMS */
        require((base = unmark()) > 0 && base <= top && (code == 'e' || (top - base) % 2 == 0));
        gather(expected(stack[base - 1], code == 'e' ? LIST : DICT), base);
        break;
      case 't': tuple(unmark()); break;                                  /* TUPLE */
      case ')': tuple(top); break;                                       /* EMPTY_TUPLE */
      case 0x85: case 0x86: case 0x87: tuple(top - (code - 0x84)); break; /* TUPLE1, TUPLE2, TUPLE3 */
      case 0x94:                                                         /* MEMOIZE */
        memo = reserve(memo, (remembered + 1) * sizeof(Value *)), push(memo[remembered++] = pop());
        break;
      case 'h': case 'j':                                                /* BINGET, LONG_BINGET */
        require((base = number(&from, code == 'h' ? 1 : 4, 0)) < remembered), push(memo[base]);
        break;
      case 0x93: one = pop(); two = pop(); push(named(two, one)); break; /* STACK_GLOBAL */
      case 'R': one = pop(); two = pop(); push(rebuilt(two, expected(one, LIST))); break;      /* REDUCE */
      case 'b': pop(); one = expected(pop(), DTYPE); push(one); break;   /* BUILD: byte order of a dtype */
      default: fail("pickle instruction 0x%02x is not one of metadata", code);
    }
  }
}

/* ---- the metadata of a file, whichever generation wrote them ---- */
static Value *gunzipped(Bytes packed) {
  uInt count = (uInt)(packed.end - packed.at);
  require(count >= 18);
  size_t size = number(&(Bytes){packed.end - 4, packed.end}, 4, 0); /* RFC 1952, ISIZE */
  require(size <= MAX_META);
  unsigned char *plain = reserve(NULL, size);
  z_stream member = {.next_in = (Bytef *)packed.at, .avail_in = count, .next_out = plain, .avail_out = (uInt)size};
  require(inflateInit2(&member, 31) == Z_OK && inflate(&member, Z_FINISH) == Z_STREAM_END && !member.avail_out);
  return unpickle((Bytes){plain, plain + size});
}

static Value *metadata(blosc2_schunk *frame) {
  uint8_t *content = NULL;
  int32_t size = 0;
  if (blosc2_vlmeta_exists(frame, "mlarray") >= 0) blosc2_vlmeta_get(frame, "mlarray", &content, &size);
  else if (blosc2_meta_exists(frame, "med_blosc2") >= 0) blosc2_meta_get(frame, "med_blosc2", &content, &size);
  else return value_of(DICT);
  Value *value = unpack(&(Bytes){content, content + size}, 0);
  Bytes from = value->kind == BYTES ? bytes_of(value) : (Bytes){0};
  if (value->kind == BYTES && value->size > 1 && !memcmp(value->text, "\x1f\x8b", 2)) return gunzipped(from);
  return expected(value->kind == BYTES ? unpack(&from, 0) : value, DICT);
}

/* ---- geometry ---- */
static double at(const Value *list, size_t index, double missing) {
  if (!list) return missing;
  require(list->kind == LIST && index < list->size);
  const Value *item = list->items[index];
  return item->kind == REAL ? item->real : (double)expected((Value *)item, INT)->whole;
}

static double at2(const Value *rows, size_t row, size_t column, double missing) {
  require(!rows || (rows->kind == LIST && row < rows->size));
  return at(rows ? rows->items[row] : NULL, column, missing);
}

/* Which axes of the array are spatial: all, unless labels (or the earliest files' channel_axis) say otherwise. */
static size_t spatial_axes(const Value *spatial, int ndim, int *axes) {
  const Value *labels = get(spatial, "axis_labels"), *channel = get(spatial, "channel_axis");
  size_t count = 0;
  require(!labels || (labels->kind == LIST && labels->size == (size_t)ndim));
  for (int axis = 0; axis < ndim; axis++) {
    const char *label = labels ? expected(labels->items[axis], TEXT)->text : "spatial";
    int named = is(label, "spatial_x") || is(label, "spatial_y") || is(label, "spatial_z") || is(label, "spatial");
    if (named && (!channel || (channel->whole + ndim) % ndim != axis)) axes[count++] = axis;
  }
  return count;
}

/* Element of the affine: stored, or direction @ diag(spacing) with the origin in the last column. */
static double affine_at(const Value *spatial, size_t n, size_t row, size_t column) {
  const Value *affine = get(spatial, "affine");
  if (affine) return at2(affine, row, column, 0);
  if (row == n) return column == n;
  if (column == n) return at(get(spatial, "origin"), row, 0);
  return at2(get(spatial, "direction"), row, column, row == column) * at(get(spatial, "spacing"), column, 1);
}

static void print_affine(const Value *spatial, size_t n) {
  for (size_t i = 0; i < (n + 1) * (n + 1); i++) {
    fputs(i % (n + 1) ? ", " : i ? "], [" : "[[", stdout);
    print_real(affine_at(spatial, n, i / (n + 1), i % (n + 1)));
  }
  fputs("]]", stdout);
}

/* ---- voxels ---- */
static uLong checksum(b2nd_array_t *array) {
  int64_t start[B2ND_MAX_DIM] = {0}, stop[B2ND_MAX_DIM], shape[B2ND_MAX_DIM];
  uLong sum = crc32(0, NULL, 0);
  int64_t rows = array->ndim ? array->chunkshape[0] : 1, height = array->ndim ? array->shape[0] : 1;
  for (int64_t row = 0; row < height && array->nitems; row += rows) {
    int64_t bytes = array->sc->typesize;
    for (int axis = 0; axis < array->ndim; axis++) {
      stop[axis] = axis ? array->shape[axis] : row + rows < height ? row + rows : height;
      start[axis] = axis ? 0 : row;
      bytes *= shape[axis] = stop[axis] - start[axis];
    }
    unsigned char *plain = reserve(NULL, (size_t)bytes);
    if (b2nd_get_slice_cbuffer(array, start, stop, plain, shape, bytes) < 0) fail("a chunk can't be decompressed");
    sum = crc32_z(sum, plain, (size_t)bytes);
    free(plain);
  }
  return sum;
}

static void print_point(b2nd_array_t *array, const Value *spatial, const char *where) {
  int axes[B2ND_MAX_DIM];
  size_t n = spatial_axes(spatial, array->ndim, axes);
  int64_t start[B2ND_MAX_DIM] = {0}, stop[B2ND_MAX_DIM], one[B2ND_MAX_DIM];
  char *end = (char *)where;
  for (int axis = 0; axis < array->ndim; axis++) {
    start[axis] = strtoll(end, &end, 10);
    if (*end != (axis + 1 < array->ndim ? ',' : 0) || start[axis] < 0 || start[axis] >= array->shape[axis])
      fail("%s is no index of a voxel", where);
    end += *end == ',';
    stop[axis] = start[axis] + (one[axis] = 1);
  }
  int size = (int)array->sc->typesize;
  unsigned char *voxel = reserve(NULL, (size_t)size);
  if (b2nd_get_slice_cbuffer(array, start, stop, voxel, one, size) < 0) fail("a chunk can't be decompressed");
  printf("{\"index\": [%s], \"value\": ", where);
  Bytes from = {voxel, voxel + size};
  const char *dtype = array->dtype ? array->dtype : "|V";
  print(size > 8 ? value_of(NONE) : numeric(dtype[1], number(&from, size, dtype[0] == '>'), size), 0);
  fputs(", \"world\": [", stdout);
  for (size_t row = 0; row < n; row++) {
    double sum = affine_at(spatial, n, row, n);
    for (size_t j = 0; j < n; j++) sum += affine_at(spatial, n, row, j) * (double)start[axes[j]];
    if (row) fputs(", ", stdout);
    print_real(sum);
  }
  fputs("]}", stdout);
}

int main(int count, char **arguments) {
  if (count < 2) fail("usage: mla_read FILE [i,j,k ...]");
  char start[10] = "";
  FILE *file = fopen(arguments[1], "rb"); /* Blosc2 itself doesn't look at the signature */
  if (!file || !fread(start, 10, 1, file) || memcmp(start, "\x9e\xa8" "b2frame", 10)) fail("%s is no frame", arguments[1]);
  blosc2_init();
  b2nd_array_t *array;
  if (b2nd_open(arguments[1], &array) < 0) fail("%s is no Blosc2 frame of an array", arguments[1]);
  Value *meta = metadata(array->sc), *spatial = get(meta, "spatial"), *has = get(meta, "_has_array");
  if (has && has->kind == DICT) has = get(has, "has_array");
  fputs("{\"shape\": ", stdout);
  /* Blosc2 can't hold no array, so an empty one stands for it */
  if (has && has->kind == BOOL ? !has->whole : array->ndim == 1 && array->shape[0] == 0) fputs("null", stdout);
  else {
    int axes[B2ND_MAX_DIM];
    for (int axis = 0; axis < array->ndim; axis++) printf("%s%lld", axis ? ", " : "[", (long long)array->shape[axis]);
    printf("%s], \"dtype\": \"%s\", ", array->ndim ? "" : "[", array->dtype ? array->dtype : "");
    printf("\"crc32\": \"%08lx\", \"affine\": ", checksum(array));
    print_affine(spatial, spatial_axes(spatial, array->ndim, axes));
    fputs(", \"points\": [", stdout);
    for (int i = 2; i < count; i++, i < count ? putchar(',') : 0) print_point(array, spatial, arguments[i]);
    putchar(']');
  }
  fputs(", \"meta\": ", stdout);
  print(meta, 0);
  puts("}");
}
