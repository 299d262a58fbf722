#include "common/store/temp_store.h"

#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <system_error>

#include "absl/strings/str_cat.h"
#include "common/store/sqlite_database.h"

namespace gitops {
namespace {

std::string MakeDirectory() {
  const char* base = std::getenv("TEST_TMPDIR");
  std::string path = std::string(base == nullptr ? "/tmp" : base) + "/store-XXXXXX";
  if (::mkdtemp(path.data()) == nullptr) {
    std::perror(path.c_str());
    std::abort();
  }
  return path;
}

}  // namespace

TempDirectory::TempDirectory() : path_(MakeDirectory()) {}

TempDirectory::~TempDirectory() {
  std::error_code ignored;
  std::filesystem::remove_all(path_, ignored);
}

TempStore::TempStore(Clock* clock) : path_(directory_.path() + "/store.db"), clock_(clock) {
  Reopen();
}

void TempStore::Damage(const std::string& key) {
  absl::Status status = store_->Get(key).status();
  absl::StatusOr<std::unique_ptr<SqliteDatabase>> database = SqliteDatabase::Open(path_);
  if (status.ok()) status = database.status();
  if (status.ok()) {
    const std::string update =
        absl::StrCat("UPDATE entries SET value = x'ffffff' WHERE key = CAST('", key, "' AS BLOB)");
    status = (*database)->Execute(update.c_str());
  }
  if (status.ok()) return;
  std::fprintf(stderr, "damage %s: %s\n", key.c_str(), status.ToString().c_str());
  std::abort();
}

void TempStore::Reopen() {
  store_.reset();
  SqliteStoreOptions options;
  options.path = path_;
  options.clock = clock_;
  absl::StatusOr<std::unique_ptr<Store>> store = OpenSqliteStore(options);
  if (!store.ok()) {
    std::fprintf(stderr, "%s\n", store.status().ToString().c_str());
    std::abort();
  }
  store_ = *std::move(store);
}

}  // namespace gitops
