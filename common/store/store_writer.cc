// Writes numbers to a store until it is killed, and prints each one that was acknowledged.
//
//   store_writer PATH exclusive|shared
#include <cstdio>
#include <string>

#include "absl/strings/str_cat.h"
#include "common/store/store.h"

int main(int argc, char** argv) {
  if (argc != 3) return 2;
  gitops::SqliteStoreOptions options;
  options.path = argv[1];
  options.exclusive = std::string(argv[2]) == "exclusive";
  auto store = gitops::OpenSqliteStore(options);
  if (!store.ok()) {
    std::fprintf(stderr, "%s\n", store.status().ToString().c_str());
    return 1;
  }
  for (int number = 1;; ++number) {
    const std::string key = absl::StrCat("number/", number);
    if (!(*store)->Put(key, absl::StrCat(number)).ok()) return 1;
    std::printf("%d\n", number);
    std::fflush(stdout);
  }
}
