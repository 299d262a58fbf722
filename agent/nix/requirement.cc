#include "agent/nix/requirement.h"

#include <algorithm>
#include <optional>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "common/text/escape.h"
#include "common/text/plural.h"

namespace gitops {
namespace {

absl::StatusOr<ChosenBuild> Choose(const HydraBuild& build, int64_t evaluation,
                                   absl::string_view store) {
  absl::StatusOr<std::string> path = OutputOf(build, store);
  if (!path.ok()) return path.status();
  return ChosenBuild{build.id, evaluation, *std::move(path), ""};
}

std::string StateOf(const HydraBuild& build) {
  return build.finished == true ? absl::StrCat("failed with status ", build.status.value_or(-1))
                                : "is not finished";
}

}  // namespace

absl::StatusOr<ChosenBuild> LatestOfJob(const Hydra& hydra, const std::string& job_uri,
                                        absl::string_view store, std::stop_token stop) {
  const absl::StatusOr<HydraBuild> build = hydra.Latest(job_uri, std::move(stop));
  if (!build.ok()) return build.status();
  if (IsKnownNotToHaveSucceeded(*build)) {
    return absl::FailedPreconditionError(
        absl::StrCat("build ", build->id, ", the latest of its job, ", StateOf(*build)));
  }
  return Choose(*build, 0, store);
}

absl::StatusOr<ChosenBuild> OfAggregate(const Hydra& hydra, const HydraJob& job,
                                        const std::string& aggregate, absl::string_view store,
                                        std::stop_token stop) {
  const std::string aggregate_uri =
      absl::StrCat(job.base, "/job/", job.project, "/", job.jobset, "/", aggregate);
  const absl::StatusOr<HydraBuild> decides = hydra.Latest(aggregate_uri, stop);
  if (!decides.ok()) return decides.status();
  if (!Succeeded(*decides) || decides->evaluations.empty()) {
    return absl::FailedPreconditionError(
        absl::StrCat("build ", decides->id, " of the aggregate job ", EscapeText(aggregate),
                     Succeeded(*decides) ? std::string(" belongs to no evaluation")
                                         : absl::StrCat(" ", StateOf(*decides))));
  }
  const int64_t evaluation =
      *std::max_element(decides->evaluations.begin(), decides->evaluations.end());
  const absl::StatusOr<HydraBuild> build = hydra.BuildOf(job.base, evaluation, job.job, stop);
  if (!build.ok()) return build.status();
  if (!Succeeded(*build)) {
    return absl::FailedPreconditionError(
        absl::StrCat("the aggregate job ", EscapeText(aggregate), " has succeeded in evaluation ",
                     evaluation, ", but build ", build->id, " of job ", EscapeText(job.job), " ",
                     StateOf(*build), "; make the job a constituent of the aggregate"));
  }
  return Choose(*build, evaluation, store);
}

Jobset::Jobset(const Hydra* hydra, HydraJob of, std::string store)
    : hydra_(hydra), of_(std::move(of)), store_(std::move(store)) {}

// One search for the newest evaluations that count.
class Jobset::Search {
 public:
  Search(Jobset& jobset, const std::set<std::string>& jobs, std::stop_token stop)
      : jobset_(jobset), wanted_(jobs), stop_(std::move(stop)) {}

  absl::StatusOr<Chosen> Run() {
    for (size_t i = 0; !wanted_.empty(); ++i) {
      if (absl::Status status = ListUpTo(i); !status.ok()) return status;
      if (i >= ids_.size()) break;
      if (absl::Status status = Take(i); !status.ok()) return status;
    }
    for (const std::string& job : wanted_) chosen_.emplace(job, NoneOf(job));
    std::erase_if(jobset_.known_,
                  [&](const auto& known) { return !looked_.contains(known.first); });
    return std::move(chosen_);
  }

 private:
  // Lists evaluations until there is one at `index`, or no more.
  absl::Status ListUpTo(size_t index) {
    while (index >= ids_.size() && (pages_ == 0 || !next_.empty()) && pages_ < kMaxPages) {
      absl::StatusOr<HydraEvaluations> page =
          jobset_.hydra_->Evaluations(jobset_.of_, next_, stop_);
      if (!page.ok()) return page.status();
      ++pages_;
      for (const int64_t id : page->ids) {
        // One that was made meanwhile moves the others to the next page.
        if (ids_.empty() || id < ids_.back()) ids_.push_back(id);
      }
      next_ = std::move(page->next);
    }
    return absl::OkStatus();
  }

  absl::StatusOr<const Evaluation*> LookAt(size_t index) {
    const int64_t id = ids_[index];
    if (!looked_.insert(id).second) return &jobset_.known_.at(id);
    return jobset_.Look(id, stop_);
  }

  absl::Status Take(size_t index) {
    const absl::StatusOr<const Evaluation*> evaluation = LookAt(index);
    if (!evaluation.ok()) return evaluation.status();
    absl::StatusOr<std::string> waits = (*evaluation)->waits;
    if (waits->empty()) waits = Missing(index, **evaluation);
    if (!waits.ok()) return waits.status();
    if (!waits->empty()) {
      if (waits_.empty()) waits_ = absl::StrCat("evaluation ", ids_[index], " ", *waits);
      return absl::OkStatus();
    }
    for (const auto& [job, build] : (*evaluation)->builds) {
      if (wanted_.erase(job) == 0) continue;
      absl::StatusOr<ChosenBuild> choice = Choose(build, ids_[index], jobset_.store_);
      if (choice.ok()) choice->waits = Why(job);
      chosen_.emplace(job, std::move(choice));
    }
    for (const std::string& job : wanted_) {
      lacking_.emplace(job,
                       absl::StrCat("evaluation ", ids_[index], " has no job ", EscapeText(job)));
    }
    return absl::OkStatus();
  }

  // A job of the evaluation before that this one lacks while the jobset has errors; else empty.
  absl::StatusOr<std::string> Missing(size_t index, const Evaluation& evaluation) {
    if (!errors_.has_value()) {
      absl::StatusOr<std::string> errors = jobset_.hydra_->Errors(jobset_.of_, stop_);
      if (!errors.ok()) return errors.status();
      errors_ = *std::move(errors);
    }
    if (errors_->empty()) return "";
    if (absl::Status status = ListUpTo(index + 1); !status.ok()) return status;
    if (index + 1 >= ids_.size()) return "";
    const absl::StatusOr<const Evaluation*> before = LookAt(index + 1);
    if (!before.ok()) return before.status();
    for (const auto& [job, build] : (*before)->builds) {
      if (evaluation.builds.contains(job)) continue;
      return absl::StrCat("lacks the job ", EscapeText(job), " of evaluation ", ids_[index + 1],
                          ", and the jobset has errors: ", *errors_);
    }
    return "";
  }

  std::string Why(const std::string& job) const {
    const auto lacking = lacking_.find(job);
    return !waits_.empty() || lacking == lacking_.end() ? waits_ : lacking->second;
  }

  absl::Status NoneOf(const std::string& job) const {
    const std::string why = Why(job);
    return absl::NotFoundError(absl::StrCat(
        "none of the ", Counted(ids_.size(), "newest evaluation"), " of jobset ",
        EscapeText(jobset_.of_.project), ":", EscapeText(jobset_.of_.jobset),
        " has succeeded with the job ", EscapeText(job), why.empty() ? "" : ": ", why));
  }

  Jobset& jobset_;
  std::set<std::string> wanted_;
  const std::stop_token stop_;
  std::vector<int64_t> ids_;  // newest first
  std::string next_;
  int pages_ = 0;
  std::set<int64_t> looked_;
  std::optional<std::string> errors_;
  std::string waits_;                           // why the newest evaluation does not count
  std::map<std::string, std::string> lacking_;  // by job, the newest that succeeded without it
  Chosen chosen_;
};

absl::StatusOr<Jobset::Chosen> Jobset::Newest(const std::set<std::string>& jobs,
                                              std::stop_token stop) {
  return Search(*this, jobs, std::move(stop)).Run();
}

absl::StatusOr<const Jobset::Evaluation*> Jobset::Look(int64_t id, const std::stop_token& stop) {
  const auto found = known_.find(id);
  if (found != known_.end()) {
    if (found->second.blocking == 0) return &found->second;
    const absl::StatusOr<HydraBuild> build = hydra_->Build(of_.base, found->second.blocking, stop);
    if (!build.ok() && !absl::IsNotFound(build.status())) return build.status();
    if (build.ok() && !Succeeded(*build)) return &found->second;
  }
  absl::StatusOr<Evaluation> fetched = Fetch(id, stop);
  if (!fetched.ok()) return fetched.status();
  return &(known_[id] = *std::move(fetched));
}

absl::StatusOr<Jobset::Evaluation> Jobset::Fetch(int64_t id, const std::stop_token& stop) const {
  absl::StatusOr<std::vector<HydraBuild>> builds = hydra_->Builds(of_.base, id, stop);
  if (!builds.ok()) return builds.status();
  Evaluation evaluation;
  int64_t failed = 0, unfinished = 0;
  std::optional<HydraBuild> blocking;
  for (HydraBuild& build : *builds) {
    if (!Succeeded(build)) {
      const bool done = build.finished == true;
      ++(done ? failed : unfinished);
      // A failed one, if there is one: others may finish, and it still blocks.
      if (!blocking.has_value() || (done && blocking->finished != true)) blocking = build;
    }
    build.evaluations = {};
    std::string job = build.job;
    evaluation.builds.emplace(std::move(job), std::move(build));
  }
  if (blocking.has_value()) {
    evaluation.blocking = blocking->id;
    evaluation.waits =
        absl::StrCat("waits: of ", Counted(builds->size(), "build"), ", ", failed, " failed and ",
                     unfinished, " are not finished; build ", blocking->id, " of job ",
                     EscapeText(blocking->job), " ", StateOf(*blocking));
  } else if (builds->empty()) {
    evaluation.waits = "has no builds";
  }
  return evaluation;
}

}  // namespace gitops
