#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/mman.h>

#include "include/hone_kernels.h"

#if defined(__x86_64__)
#define HK_PAUSE() __builtin_ia32_pause()
#elif defined(__aarch64__)
#define HK_PAUSE() __asm__ volatile("yield")
#else
#define HK_PAUSE() ((void)0)
#endif

// Decoding starts a few hundred pieces of work for each token, so a thread that has nothing to do
// looks for new work this many times before it sleeps: about 100 microseconds.
enum { SPINS = 4000, MAXIMUM_THREADS = 256 };

typedef struct {
  hk_pool *pool;
  int thread;
} worker;

// (round << 32) | pieces left of a thread's share: a piece is claimed by counting down, which fails
// for a thread that comes late from an earlier round.
typedef struct {
  _Alignas(64) _Atomic uint64_t tickets;
} share;

struct hk_pool {
  int threads;
  hk_task task;
  void *context;
  int64_t pieces;
  uint64_t round;
  // Neighbouring pieces mostly read neighbouring memory, so each thread has a stretch of them to begin
  // with; then it takes what others have left.
  share shares[MAXIMUM_THREADS];
  _Alignas(64) _Atomic int64_t done;
  _Alignas(64) _Atomic int sleepers;
  _Atomic int stopping;
  pthread_mutex_t mutex;
  pthread_cond_t wake;
  pthread_t handles[MAXIMUM_THREADS];
  worker workers[MAXIMUM_THREADS];
  void *scratch[MAXIMUM_THREADS + 1];
  size_t scratch_bytes[MAXIMUM_THREADS + 1];
};

// The first piece of a thread's share.
static int64_t first_piece(const hk_pool *pool, int64_t pieces, int thread) {
  return pieces * thread / pool->threads;
}

static void work(hk_pool *pool, int thread) {
  for (int i = 0; i < pool->threads; i++) {
    int owner = (thread + i) % pool->threads;
    _Atomic uint64_t *left = &pool->shares[owner].tickets;
    uint64_t tickets = atomic_load_explicit(left, memory_order_acquire);
    while ((uint32_t)tickets != 0) {
      if (!atomic_compare_exchange_weak_explicit(
              left, &tickets, tickets - 1, memory_order_acq_rel, memory_order_acquire))
        continue;
      // The claim holds the round open, so task, context and pieces stay as they are.
      int64_t end = first_piece(pool, pool->pieces, owner + 1);
      pool->task(pool->context, end - (int64_t)(uint32_t)tickets, thread);
      atomic_fetch_add_explicit(&pool->done, 1, memory_order_release);
      tickets = atomic_load_explicit(left, memory_order_acquire);
    }
  }
}

static bool has_work(hk_pool *pool) {
  for (int i = 0; i < pool->threads; i++)
    if ((uint32_t)atomic_load_explicit(&pool->shares[i].tickets, memory_order_acquire) != 0)
      return true;
  return false;
}

static void *serve(void *argument) {
  worker *self = argument;
  hk_pool *pool = self->pool;
  while (!atomic_load(&pool->stopping)) {
    int spins = 0;
    while (!has_work(pool) && spins < SPINS) {
      HK_PAUSE();
      spins++;
    }
    if (has_work(pool)) {
      work(pool, self->thread);
      continue;
    }
    pthread_mutex_lock(&pool->mutex);
    atomic_fetch_add(&pool->sleepers, 1);
    while (!has_work(pool) && !atomic_load(&pool->stopping))
      pthread_cond_wait(&pool->wake, &pool->mutex);
    atomic_fetch_sub(&pool->sleepers, 1);
    pthread_mutex_unlock(&pool->mutex);
  }
  return NULL;
}

hk_pool *hk_pool_create(int threads) {
  if (threads < 1) threads = 1;
  if (threads > MAXIMUM_THREADS) threads = MAXIMUM_THREADS;
  hk_pool *pool = aligned_alloc(64, (sizeof(hk_pool) + 63) / 64 * 64);
  if (!pool) return NULL;
  *pool = (hk_pool){.threads = 1};
  pthread_mutex_init(&pool->mutex, NULL);
  pthread_cond_init(&pool->wake, NULL);
  for (int i = 1; i < threads; i++) {
    pool->workers[i] = (worker){pool, i};
    if (pthread_create(&pool->handles[i], NULL, serve, &pool->workers[i]) != 0) break;
    pool->threads = i + 1;
  }
  return pool;
}

void hk_pool_destroy(hk_pool *pool) {
  pthread_mutex_lock(&pool->mutex);
  atomic_store(&pool->stopping, 1);
  pthread_cond_broadcast(&pool->wake);
  pthread_mutex_unlock(&pool->mutex);
  for (int i = 1; i < pool->threads; i++) pthread_join(pool->handles[i], NULL);
  for (int i = 0; i <= MAXIMUM_THREADS; i++)
    if (pool->scratch[i]) munmap(pool->scratch[i], pool->scratch_bytes[i]);
  pthread_mutex_destroy(&pool->mutex);
  pthread_cond_destroy(&pool->wake);
  free(pool);
}

int hk_pool_threads(const hk_pool *pool) { return pool->threads; }

void hk_pool_run(hk_pool *pool, int64_t pieces, hk_task task, void *context) {
  if (pieces <= 0) return;
  if (pieces == 1 || pool->threads == 1) {
    for (int64_t i = 0; i < pieces; i++) task(context, i, 0);
    return;
  }
  pool->task = task;
  pool->context = context;
  pool->pieces = pieces;
  atomic_store_explicit(&pool->done, 0, memory_order_relaxed);
  uint64_t round = ++pool->round << 32;
  for (int i = 0; i < pool->threads; i++)
    atomic_store(
        &pool->shares[i].tickets,
        round | (uint64_t)(first_piece(pool, pieces, i + 1) - first_piece(pool, pieces, i)));
  if (atomic_load(&pool->sleepers) > 0) {
    pthread_mutex_lock(&pool->mutex);
    pthread_cond_broadcast(&pool->wake);
    pthread_mutex_unlock(&pool->mutex);
  }
  work(pool, 0);
  while (atomic_load_explicit(&pool->done, memory_order_acquire) != pieces) HK_PAUSE();
}

// Pages of their own: the C library's heap would keep what a smaller block leaves.
static void *grown(hk_pool *pool, int block, size_t bytes) {
  if (pool->scratch_bytes[block] < bytes) {
    bytes = (bytes + 4095) / 4096 * 4096;
    if (pool->scratch[block]) munmap(pool->scratch[block], pool->scratch_bytes[block]);
    void *pages = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (pages == MAP_FAILED) abort();
#if defined(__linux__)
    madvise(pages, bytes, MADV_HUGEPAGE);
#endif
    pool->scratch[block] = pages;
    pool->scratch_bytes[block] = bytes;
  }
  return pool->scratch[block];
}

void *hk_pool_scratch(hk_pool *pool, int thread, size_t bytes) { return grown(pool, thread, bytes); }
void *hk_pool_shared(hk_pool *pool, size_t bytes) { return grown(pool, MAXIMUM_THREADS, bytes); }

size_t hk_pool_scratch_bytes(const hk_pool *pool) {
  size_t total = 0;
  for (int i = 0; i <= MAXIMUM_THREADS; i++) total += pool->scratch_bytes[i];
  return total;
}
