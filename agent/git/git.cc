#include "agent/git/git.h"

#include <filesystem>
#include <map>
#include <system_error>
#include <utility>

#include "absl/strings/str_cat.h"
#include "agent/git/git_source.h"
#include "agent/git/mirror.h"
#include "common/path/beneath.h"
#include "common/sync/mutex.h"

namespace gitops {
namespace {

class GitDriverImpl final : public GitDriver {
 public:
  explicit GitDriverImpl(GitOptions options)
      : options_(std::move(options)), mirrors_dir_(options_.state_dir + "/mirrors") {}

  std::shared_ptr<Upstream> UpstreamFor(const UpstreamSpec& spec,
                                        const std::string& user) override {
    return MirrorFor(spec, user);
  }

  std::unique_ptr<Source> SourceFor(const ServiceSpec& service,
                                    std::shared_ptr<RevisionStore> store,
                                    std::vector<std::string> left_out) override {
    return NewGitSource(service, MirrorFor(service.upstream, service.user), std::move(store),
                        std::move(left_out));
  }

  absl::Status RemoveUnusedMirrors() override {
    MutexLock lock(mutex_);
    std::error_code error;
    std::filesystem::directory_iterator directories(mirrors_dir_, error);
    if (error) return absl::OkStatus();  // none was made yet
    while (!error && directories != std::filesystem::directory_iterator()) {
      const std::filesystem::path path = directories->path();
      const auto it = mirrors_.find(path.filename());
      const bool used = it != mirrors_.end() && !it->second.expired();
      if (auto status = used ? absl::OkStatus() : RemoveTree(path); !status.ok()) return status;
      directories.increment(error);
    }
    if (!error) return absl::OkStatus();
    return absl::ErrnoToStatus(error.value(), absl::StrCat("cannot list ", mirrors_dir_));
  }

 private:
  std::shared_ptr<GitMirror> MirrorFor(const UpstreamSpec& spec, const std::string& user) {
    const std::string name = MirrorName(spec, user);
    MutexLock lock(mutex_);
    std::weak_ptr<GitMirror>& known = mirrors_[name];
    if (auto mirror = known.lock()) return mirror;
    auto mirror = NewGitMirror(options_, absl::StrCat(mirrors_dir_, "/", name), spec, user);
    known = mirror;
    return mirror;
  }

  const GitOptions options_;
  const std::string mirrors_dir_;
  Mutex mutex_;
  std::map<std::string, std::weak_ptr<GitMirror>> mirrors_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace

std::unique_ptr<GitDriver> GitDriver::New(GitOptions options) {
  return std::make_unique<GitDriverImpl>(std::move(options));
}

std::string RevisionRoot(const ServiceSpec& service) {
  return absl::StrCat(service.mount, "/", service.service);
}

}  // namespace gitops
