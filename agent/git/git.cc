#include "agent/git/git.h"

#include <fcntl.h>

#include <cerrno>
#include <utility>

#include "absl/strings/str_cat.h"
#include "agent/git/git_source.h"
#include "agent/git/mirror.h"
#include "agent/git/mirror_repository.h"
#include "common/path/beneath.h"
#include "common/path/directory_names.h"
#include "common/path/fd.h"
#include "common/text/sha256.h"

namespace gitops {
namespace {

// The directory of a mirror, in the driver's.
std::string MirrorName(const UpstreamSpec& spec, const std::string& user) {
  std::string all;
  for (const std::string& part :
       {spec.url, user, spec.ssh_key, spec.known_hosts, spec.netrc_file, spec.ca_file}) {
    absl::StrAppend(&all, part.size(), ":", part);
  }
  // Two mirrors of different limits must not share a directory.
  if (!spec.proxy.empty()) absl::StrAppend(&all, "proxy ", spec.proxy.size(), ":", spec.proxy);
  if (spec.git_memory != 0) absl::StrAppend(&all, "memory ", spec.git_memory);
  return Sha256Hex(all).substr(0, 16);
}

}  // namespace

GitDriver::GitDriver(GitOptions options)
    : options_(std::move(options)), mirrors_dir_(options_.state_dir + "/mirrors") {}

std::shared_ptr<Upstream> GitDriver::UpstreamFor(const UpstreamSpec& spec,
                                                 const std::string& user) {
  return MirrorFor(spec, user);
}

std::unique_ptr<Source> GitDriver::SourceFor(const ServiceSpec& service,
                                             std::shared_ptr<RevisionStore> store,
                                             std::vector<std::string> left_out) {
  return NewGitSource(service, MirrorFor(service.upstream, service.user), std::move(store),
                      std::move(left_out));
}

absl::Status GitDriver::RemoveUnusedMirrors() {
  const Fd directory(::open(mirrors_dir_.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!directory && errno == ENOENT) return absl::OkStatus();  // none was made yet
  if (!directory) return absl::ErrnoToStatus(errno, absl::StrCat("cannot open ", mirrors_dir_));
  return ForEachEntry(directory.get(), [&](const DirectoryEntry& entry) {
    MutexLock lock(mutex_);
    const auto it = mirrors_.find(entry.name);
    const bool used = it != mirrors_.end() && !it->second.expired();
    return used ? absl::OkStatus() : RemoveTree(absl::StrCat(mirrors_dir_, "/", entry.name));
  });
}

std::shared_ptr<GitMirror> GitDriver::MirrorFor(const UpstreamSpec& spec, const std::string& user) {
  const std::string name = MirrorName(spec, user);
  MutexLock lock(mutex_);
  std::weak_ptr<GitMirror>& known = mirrors_[name];
  if (auto mirror = known.lock()) return mirror;
  auto mirror =
      std::make_shared<GitMirror>(options_, absl::StrCat(mirrors_dir_, "/", name), spec, user);
  known = mirror;
  return mirror;
}

std::string RevisionRoot(const ServiceSpec& service) {
  return absl::StrCat(service.mount, "/", service.service);
}

}  // namespace gitops
