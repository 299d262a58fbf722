#include "agent/nix/hydra_upstream.h"

#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "agent/nix/store_path.h"
#include "common/git/url.h"
#include "common/log/log.h"

namespace gitops {
namespace {

constexpr absl::string_view kAggregate = "aggregate:";

// Of the server, not of one job: all services back off together.
bool IsOfServer(const absl::Status& status) {
  return absl::IsUnavailable(status) || absl::IsDeadlineExceeded(status) ||
         absl::IsUnauthenticated(status) || absl::IsPermissionDenied(status) ||
         absl::IsCancelled(status);
}

// What people see of a build: the name of its path, and where it comes from.
std::string SubjectOf(const ChosenBuild& chosen, absl::string_view store) {
  const size_t hash = store.size() + 1 + 32 + 1;
  return absl::StrCat(
      chosen.path.substr(hash), " (build ", chosen.build,
      chosen.evaluation == 0 ? "" : absl::StrCat(", evaluation ", chosen.evaluation), ")");
}

}  // namespace

std::string FollowedJob::ref() const {
  return absl::StrCat(job.project, ":", job.jobset, ":", job.job,
                      require == "job" ? "" : absl::StrCat(":", require));
}

std::optional<FollowedJob> FollowedJob::FromRef(const std::string& base, const std::string& ref) {
  const std::vector<std::string> parts = absl::StrSplit(ref, absl::MaxSplits(':', 3));
  if (parts.size() < 3) return std::nullopt;
  return FollowedJob{{base, parts[0], parts[1], parts[2]}, parts.size() > 3 ? parts[3] : "job"};
}

absl::StatusOr<FollowedJob> FollowedJobOf(const NixSpec& spec) {
  absl::StatusOr<HydraJob> job = ParseJobUri(spec.job_uri);
  if (!job.ok()) return job.status();
  return FollowedJob{*std::move(job), spec.require};
}

HydraUpstream::HydraUpstream(Hydra hydra, std::string base, std::string store)
    : hydra_(std::move(hydra)), base_(std::move(base)), store_(std::move(store)) {}

absl::StatusOr<Upstream::Tips> HydraUpstream::Newest(const std::set<std::string>& refs,
                                                     std::stop_token stop) {
  MutexLock polling(polling_);
  Found found;
  std::map<std::string, std::vector<FollowedJob>> of_jobset;
  for (const std::string& ref : refs) {
    const std::optional<FollowedJob> followed = FollowedJob::FromRef(base_, ref);
    if (!followed.has_value()) {
      found.emplace(ref, absl::InvalidArgumentError(absl::StrCat("\"", ref, "\" is no job")));
    } else if (followed->require == "jobset") {
      of_jobset[absl::StrCat(followed->job.project, ":", followed->job.jobset)].push_back(
          *followed);
    } else {
      absl::StatusOr<ChosenBuild> chosen = Choose(*followed, stop);
      if (IsOfServer(chosen.status())) return chosen.status();
      found.emplace(ref, std::move(chosen));
    }
  }
  for (const auto& [jobset, followed] : of_jobset) {
    if (absl::Status status = AddJobset(followed, stop, found); !status.ok()) return status;
  }
  std::erase_if(jobsets_, [&](const auto& entry) { return !of_jobset.contains(entry.first); });
  Tips tips;
  MutexLock lock(mutex_);
  for (auto& [ref, chosen] : found) tips.emplace(ref, Note(ref, std::move(chosen)));
  return tips;
}

absl::StatusOr<ChosenBuild> HydraUpstream::Choose(const FollowedJob& followed,
                                                  const std::stop_token& stop) {
  absl::string_view aggregate = followed.require;
  if (absl::ConsumePrefix(&aggregate, kAggregate)) {
    return OfAggregate(hydra_, followed.job, std::string(aggregate), store_, stop);
  }
  const HydraJob& job = followed.job;
  return LatestOfJob(hydra_,
                     absl::StrCat(base_, "/job/", job.project, "/", job.jobset, "/", job.job),
                     store_, stop);
}

// Errors are those of the server; others are those of the jobs.
absl::Status HydraUpstream::AddJobset(const std::vector<FollowedJob>& followed,
                                      const std::stop_token& stop, Found& found) {
  const HydraJob& first = followed[0].job;
  const auto [jobset, added] =
      jobsets_.try_emplace(absl::StrCat(first.project, ":", first.jobset), &hydra_, first, store_);
  std::set<std::string> jobs;
  for (const FollowedJob& one : followed) jobs.insert(one.job.job);
  const absl::StatusOr<Jobset::Chosen> chosen = jobset->second.Newest(jobs, stop);
  if (IsOfServer(chosen.status())) return chosen.status();
  for (const FollowedJob& one : followed) {
    found.emplace(one.ref(), chosen.ok() ? chosen->at(one.job.job) : chosen.status());
  }
  return absl::OkStatus();
}

absl::StatusOr<std::string> HydraUpstream::Note(const std::string& ref,
                                                absl::StatusOr<ChosenBuild> chosen) {
  const auto before = newest_.find(ref);
  if (absl::IsNotFound(chosen.status()) && before != newest_.end()) {
    return RevisionOf(before->second.path, store_);
  }
  if (!chosen.ok()) return chosen.status();
  const std::string former = before == newest_.end() ? "" : before->second.waits;
  if (chosen->waits != former && !chosen->waits.empty()) {
    LogInfo("a newer evaluation is not followed yet",
            {{"upstream", name()}, {"job", ref}, {"why", chosen->waits}});
  }
  std::string revision = RevisionOf(chosen->path, store_);
  newest_.insert_or_assign(ref, *std::move(chosen));
  return revision;
}

absl::StatusOr<CommitInfo> HydraUpstream::Describe(const std::string& ref,
                                                   const std::string& revision, std::stop_token) {
  MutexLock lock(mutex_);
  const auto found = newest_.find(ref);
  if (found == newest_.end() || RevisionOf(found->second.path, store_) != revision) {
    return CommitInfo{};
  }
  return CommitInfo{.hash = revision, .subject = SubjectOf(found->second, store_)};
}

std::string HydraUpstream::name() const { return RedactUrl(base_); }

std::string HydraUpstream::PathOf(const std::string& revision) const {
  MutexLock lock(mutex_);
  for (const auto& [ref, chosen] : newest_) {
    if (RevisionOf(chosen.path, store_) == revision) return chosen.path;
  }
  return "";
}

}  // namespace gitops
