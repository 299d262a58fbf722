// How fast the SQLite store answers. Every put waits for the disk, so the numbers are the disk's as
// much as ours: run it on the file system that is meant (TEST_TMPDIR says where).
#include <memory>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "benchmark/benchmark.h"
#include "common/store/store.h"
#include "common/store/temp_store.h"

namespace gitops {
namespace {

// About the size of a service's record.
const std::string& Value() {
  static const std::string* const value = new std::string(300, 'v');
  return *value;
}

// One store for all threads of a run.
std::unique_ptr<TempStore> shared_store;

void BM_Put(benchmark::State& state) {
  if (state.thread_index() == 0) shared_store = std::make_unique<TempStore>();
  int64_t count = 0;
  for (auto _ : state) {
    const std::string key = absl::StrCat("put/", state.thread_index(), "/", ++count % 100);
    if (!shared_store->store()->Put(key, Value()).ok()) state.SkipWithError("put failed");
  }
  state.SetItemsProcessed(state.iterations());
  if (state.thread_index() == 0) shared_store.reset();
}
BENCHMARK(BM_Put)->Threads(1)->Threads(16)->UseRealTime();

void BM_Get(benchmark::State& state) {
  TempStore temp;
  if (!temp.store()->Put("key", Value()).ok()) state.SkipWithError("put failed");
  for (auto _ : state) benchmark::DoNotOptimize(temp.store()->Get("key"));
}
BENCHMARK(BM_Get);

void BM_List(benchmark::State& state) {
  TempStore temp;
  std::vector<StoreWrite> writes(static_cast<size_t>(state.range(0)));
  for (size_t i = 0; i < writes.size(); ++i) {
    writes[i].key = absl::StrCat("list/", i);
    writes[i].value = Value();
  }
  if (!temp.store()->Write(writes).ok()) state.SkipWithError("write failed");
  for (auto _ : state) benchmark::DoNotOptimize(temp.store()->List("list/"));
  state.SetItemsProcessed(state.iterations() * state.range(0));
}
BENCHMARK(BM_List)->Arg(1000);

}  // namespace
}  // namespace gitops

BENCHMARK_MAIN();
