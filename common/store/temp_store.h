#ifndef GITOPS_COMMON_STORE_TEMP_STORE_H_
#define GITOPS_COMMON_STORE_TEMP_STORE_H_

#include <memory>
#include <string>

#include "common/clock/clock.h"
#include "common/store/store.h"

namespace gitops {

// A directory that is removed when this is destroyed.
class TempDirectory {
 public:
  TempDirectory();
  ~TempDirectory();
  TempDirectory(const TempDirectory&) = delete;
  TempDirectory& operator=(const TempDirectory&) = delete;
  const std::string& path() const { return path_; }

 private:
  std::string path_;
};

// An SQLite store in a temporary directory, for tests. Ends the process if it cannot be created.
class TempStore {
 public:
  explicit TempStore(Clock* clock = Clock::System());

  Store* store() { return store_.get(); }
  const std::string& path() const { return path_; }
  // Closes it; store() is null until Reopen().
  void Close() { store_.reset(); }
  // Closes the store, if it is open, and opens it again, like a restart.
  void Reopen();
  // Replaces the bytes of a value directly in the file: its revision and lease stay. Ends the
  // process if there is no such key.
  void Damage(const std::string& key);

 private:
  TempDirectory directory_;
  std::string path_;
  Clock* clock_;
  std::unique_ptr<Store> store_;
};

}  // namespace gitops

#endif  // GITOPS_COMMON_STORE_TEMP_STORE_H_
