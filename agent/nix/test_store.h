#ifndef GITOPS_AGENT_NIX_TEST_STORE_H_
#define GITOPS_AGENT_NIX_TEST_STORE_H_

#include <memory>
#include <string>
#include <vector>

#include "agent/nix/nix.h"
#include "common/path/temporary_directory.h"
#include "common/process/process.h"

namespace gitops {

// For tests: a real Nix store in a temporary directory, with a binary cache beside it, and no
// access to anything else. Needs Debian's nix-bin.
class TestStore {
 public:
  TestStore();
  ~TestStore();  // after making it writable again

  // Builds a package whose bin/PROGRAM is `script`; without a program if that is empty.
  // Returns its path in the store.
  std::string Build(const std::string& name, const std::string& script,
                    const std::string& program = "activate");
  // Copies `path` to the binary cache, and removes it from the store.
  void MoveToCache(const std::string& path, bool sign);
  // The cache is among the substituters, or not; its key is trusted, or not.
  void Configure(const std::string& substituters, bool trust_key);
  bool Has(const std::string& path) const;
  // What nix-store --gc would remove is removed.
  void CollectGarbage();

  std::string cache_url() const { return "file://" + (directory_ / "cache"); }
  const TemporaryDirectory& directory() const { return directory_; }
  const NixHost& host() const { return host_; }
  ProcessRunner& runner() { return *runner_; }
  std::string profile() const { return directory_ / "var/profiles/web"; }

 private:
  // The output of a command that must succeed.
  std::string Run(std::vector<std::string> argv);

  const TemporaryDirectory directory_{TemporaryDirectory::For::kEveryAccount};
  NixHost host_;
  const std::unique_ptr<ProcessRunner> runner_ = NewProcessRunner();
};

}  // namespace gitops

#endif  // GITOPS_AGENT_NIX_TEST_STORE_H_
