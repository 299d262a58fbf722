#include "agent/nix/profile_drivers.h"

#include <errno.h>
#include <unistd.h>

#include <atomic>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "agent/nix/activation.h"
#include "agent/nix/known_paths.h"
#include "agent/nix/store_path.h"
#include "common/rpc/state_reason.h"
#include "common/text/escape.h"

namespace gitops {
namespace {

// What the drivers of one service share.
struct Shared {
  explicit Shared(ProfileOptions given)
      : options(std::move(given)),
        paths(options.state_directory + "/roots", options.nix->ProfilePath(options.profile),
              options.nix->host().store) {}

  const ProfileOptions options;
  const KnownPaths paths;
};

class ProfileSource final : public Source {
 public:
  explicit ProfileSource(std::shared_ptr<const Shared> shared) : shared_(std::move(shared)) {}

  // What is in the store does not change, so there is nothing to write again.
  absl::Status Prepare(const std::string& revision, bool afresh, std::stop_token stop) override {
    if (!version_known_) {
      const absl::Status version = nix().Version(stop).status();
      if (!version.ok()) return version;
      version_known_ = true;
    }
    const absl::StatusOr<std::string> path = Find(revision, stop);
    if (!path.ok()) return path.status();
    return nix().Realise(*path, paths().RootOf(revision), stop);
  }

  absl::StatusOr<std::string> Resolve(absl::string_view prefix, std::stop_token stop) override {
    if (absl::StartsWith(prefix, "/")) return ResolvePath(std::string(prefix), stop);
    const absl::StatusOr<std::vector<KnownPaths::Known>> known = paths().List();
    if (!known.ok()) return known.status();
    std::set<std::string> matches;
    for (const auto& one : *known) {
      if (absl::StartsWith(one.revision, prefix)) matches.insert(one.revision);
    }
    if (matches.size() == 1) return *matches.begin();
    if (!matches.empty()) {
      return absl::FailedPreconditionError(absl::StrCat(matches.size(), " revisions of service \"",
                                                        shared_->options.service, "\" begin with ",
                                                        EscapeText(prefix), "; give more of it"));
    }
    const absl::StatusOr<std::string> newest = Newest(stop);
    if (newest.ok() && absl::StartsWith(*newest, prefix)) return *newest;
    if (!newest.ok() && !absl::IsNotFound(newest.status())) {
      return absl::UnavailableError(newest.status().message());
    }
    return absl::NotFoundError(absl::StrCat("no generation of the profile ", paths().profile(),
                                            ", and not the newest build either, is ",
                                            EscapeText(prefix)));
  }

  absl::StatusOr<bool> SameContent(const std::string& a, const std::string& b,
                                   std::stop_token) override {
    return a == b;
  }

  // No files are compared: a profile is one path.
  absl::StatusOr<std::vector<File>> Files(const std::string&, std::stop_token) override {
    return std::vector<File>();
  }
  absl::StatusOr<std::map<std::string, std::string>> Contents(const std::set<std::string>&, int64_t,
                                                              int64_t, std::stop_token) override {
    return std::map<std::string, std::string>();
  }

  CommitInfo Describe(const std::string& revision, std::stop_token stop) override {
    const absl::StatusOr<CommitInfo> told =
        shared_->options.upstream->Describe(shared_->options.ref, revision, stop);
    if (told.ok() && !told->hash.empty()) return *told;
    const std::string path = paths().PathOf(revision).value_or("");
    if (path.empty()) return {};
    return {.hash = revision, .subject = path.substr(path.find('-', paths().store().size()) + 1)};
  }

  std::vector<std::string> Ready() override {
    std::vector<std::string> ready;
    for (const auto& known : paths().List().value_or(std::vector<KnownPaths::Known>())) {
      ready.push_back(known.revision);
    }
    return ready;
  }

  absl::Status Prune(int keep, const std::set<std::string>& in_use, std::stop_token stop) override {
    std::set<std::string> used_paths;
    for (const std::string& revision : in_use) {
      absl::StatusOr<std::string> path = paths().PathOf(revision);
      if (!path.ok()) return path.status();
      if (!path->empty()) used_paths.insert(*std::move(path));
    }
    const absl::Status removed = nix().RemoveOld(paths().profile(), keep, used_paths, stop);
    const absl::Status roots = paths().RemoveOldRoots(keep, in_use);
    return removed.ok() ? roots : removed;
  }

 private:
  const Nix& nix() const { return *shared_->options.nix; }
  const KnownPaths& paths() const { return shared_->paths; }

  absl::StatusOr<std::string> Newest(const std::stop_token& stop) {
    const std::string& ref = shared_->options.ref;
    const auto tips = shared_->options.upstream->Newest({ref}, stop);
    return tips.ok() ? tips->at(ref) : tips.status();
  }

  // The name of a revision is no path: only one that is here, or that the build server names.
  absl::StatusOr<std::string> Find(const std::string& revision, const std::stop_token& stop) {
    absl::StatusOr<std::string> path = paths().PathOf(revision);
    if (!path.ok() || !path->empty()) return path;
    path = shared_->options.upstream->PathOf(revision);
    if (!path->empty()) return path;
    // After a restart it was not polled yet.
    const absl::StatusOr<std::string> newest = Newest(stop);
    if (!newest.ok()) return newest.status();
    path = shared_->options.upstream->PathOf(revision);
    if (!path->empty()) return path;
    return absl::NotFoundError(absl::StrCat("revision ", revision,
                                            " is not on this host, and not the newest build of ",
                                            shared_->options.ref, " either"));
  }

  // Got at once, since its path is known only now.
  absl::StatusOr<std::string> ResolvePath(const std::string& path, const std::stop_token& stop) {
    if (absl::Status status = CheckStorePath(path, paths().store()); !status.ok()) {
      return absl::NotFoundError(status.message());
    }
    std::string revision = RevisionOf(path, paths().store());
    const absl::Status got = nix().Realise(path, paths().RootOf(revision), stop);
    if (!got.ok()) return got;
    return revision;
  }

  const std::shared_ptr<const Shared> shared_;
  bool version_known_ = false;
};

class ProfilePublisher final : public Publisher {
 public:
  explicit ProfilePublisher(std::shared_ptr<const Shared> shared) : shared_(std::move(shared)) {}

  absl::Status Publish(const std::string& revision, const MayExchange& may_exchange,
                       const std::function<void()>& exchanged, std::stop_token stop) override {
    const absl::StatusOr<std::string> path = shared_->paths.PathOf(revision);
    if (!path.ok()) return path.status();
    if (path->empty()) {
      return absl::NotFoundError(absl::StrCat("revision ", revision, " is not in the store"));
    }
    if (stop.stop_requested()) return absl::CancelledError("stopped before the profile was set");
    if (absl::Status may = may_exchange(); !may.ok()) return may;
    const absl::Status set = shared_->options.nix->Set(shared_->paths.profile(), *path, {});
    if (!set.ok()) return set;
    published_ = true;
    exchanged();
    return absl::OkStatus();
  }

  absl::StatusOr<std::string> Published() override {
    if (!published_) return "";
    return shared_->paths.Shown();
  }

  absl::StatusOr<std::vector<DriftEntry>> Drift(const std::string& revision, bool,
                                                std::stop_token) override {
    const absl::StatusOr<ProfileContent> content = Nix::Read(shared_->paths.profile());
    if (!content.ok()) return content.status();
    const std::string& store = shared_->paths.store();
    if (CheckStorePath(content->path, store).ok() && RevisionOf(content->path, store) == revision) {
      return std::vector<DriftEntry>();
    }
    return std::vector<DriftEntry>{
        {.kind = DriftEntry::Kind::kNotPublished,
         .path = shared_->paths.profile(),
         .detail = content->path.empty()
                       ? std::string("the profile shows nothing")
                       : absl::StrCat("the profile shows ", EscapeText(content->path))}};
  }

  absl::StatusOr<std::string> Content(const std::string&, const std::string& path,
                                      int64_t) override {
    return absl::NotFoundError(absl::StrCat(path, " is no file of a repository"));
  }

  // Nothing changes in the store; a path may be gone.
  absl::StatusOr<bool> IsIntact(const std::string& revision, std::stop_token) override {
    const absl::StatusOr<std::string> path = shared_->paths.PathOf(revision);
    if (!path.ok()) return path.status();
    return !path->empty();
  }

 private:
  const std::shared_ptr<const Shared> shared_;
  std::atomic<bool> published_ = false;  // by this object
};

class ProfileActivator final : public Activator {
 public:
  explicit ProfileActivator(std::shared_ptr<const Shared> shared) : shared_(std::move(shared)) {}

  absl::Status Prepare() override { return absl::OkStatus(); }

  absl::Status Activate(bool first) override {
    const ProfileOptions& options = shared_->options;
    ProfileProgram program;
    program.service = options.service;
    program.profile = shared_->paths.profile();
    program.timeout = options.activate_timeout;
    program.environment = options.nix->host().environment;
    program.output_file = options.state_directory + "/activate.log";
    return RunProfileProgram(*options.runner, program, stop_.get_token());
  }

  absl::Status CheckHealth() override { return absl::OkStatus(); }

  void Stop() override { stop_.request_stop(); }

 private:
  const std::shared_ptr<const Shared> shared_;
  std::stop_source stop_;
};

}  // namespace

ProfileDrivers NewProfileDrivers(ProfileOptions options) {
  const auto shared = std::make_shared<const Shared>(std::move(options));
  return {std::make_unique<ProfileSource>(shared), std::make_unique<ProfilePublisher>(shared),
          std::make_unique<ProfileActivator>(shared)};
}

}  // namespace gitops
