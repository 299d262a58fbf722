#include "services/planner/plan/revisions.h"

#include <algorithm>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <utility>

#include "absl/algorithm/container.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "common/rpc/error.h"
#include "common/sync/side_by_side.h"

namespace gitops {
namespace {

constexpr int kMostAtOnce = 16;
// Each agent that does not answer costs a timeout, so the total time is limited.
constexpr absl::Duration kLongest = absl::Seconds(60);
// One agent may not know a new service or branch yet, but three are hardly all behind.
constexpr int kMostNotFound = 3;
constexpr size_t kMostNamed = 5;
// For what a plan shows beside its moves.
constexpr int kMostFurther = 16;
constexpr absl::Duration kLongestFurther = absl::Seconds(5);

std::string PathsOf(const v1::Service& service) {
  std::vector<std::string> links;
  for (const v1::Directory& directory : service.directories()) links.push_back(directory.link());
  std::sort(links.begin(), links.end());
  return absl::StrJoin(links, "\n");
}

std::string KeyOf(const CoordinatedService& service) {
  return absl::StrCat(service.upstream, "\n\n", service.branch, "\n\n", service.hash, "\n\n",
                      service.paths);
}

// "ROLLBACK: HASH; the reason that was given", each if there is one.
std::string WhyFrozen(const v1::Service& service) {
  const std::string& reason = service.freeze_reason();
  if (service.state() != v1::SERVICE_STATE_FREEZE || service.state_info().empty()) return reason;
  return absl::StrCat(service.state_info(), reason.empty() ? "" : "; ", reason);
}

HostServices ServicesOfOne(const Fleet& fleet, const v1::Host& host, const std::string& service) {
  HostServices services;
  services.reported = host.state() != v1::HOST_STATE_NEVER_SEEN;
  std::vector<v1::Service> all = fleet.Services(host.host());
  services.known = services.reported || !all.empty();
  // By the configuration, where the host has not reported it yet.
  services.has_service = !service.empty() && fleet.HasService(host.host(), service);
  for (v1::Service& one : all) {
    if (!service.empty() && one.service() != service) continue;
    services.has_service = true;
    if (one.tracking() != v1::TRACKING_COORDINATED) continue;
    std::string paths = PathsOf(one), why = WhyFrozen(one);
    services.coordinated.push_back({.service = std::move(*one.mutable_service()),
                                    .upstream = std::move(*one.mutable_upstream()),
                                    .branch = std::move(*one.mutable_branch()),
                                    .hash = std::move(*one.mutable_hash()),
                                    .frozen_by = std::move(*one.mutable_frozen_by()),
                                    .why = std::move(why),
                                    .paths = std::move(paths)});
  }
  return services;
}

int Rank(v1::HostState state) {
  if (state == v1::HOST_STATE_ONLINE) return 0;
  return state == v1::HOST_STATE_NEVER_SEEN ? 1 : 2;
}

std::string Name(const RevisionSource& source) {
  return absl::StrCat(source.upstream, " (branch ", source.branch, ")");
}

// Asks one agent after another about one source.
class Inquiry {
 public:
  Inquiry(const ResolveContext& context, const std::vector<ChosenHost>& hosts,
          const RevisionSource& source)
      : context_(context),
        hosts_(hosts),
        source_(source),
        deadline_(context.clock->Now() + kLongest) {}

  // The host that told it, and what; after Run().
  int teller() const { return teller_; }
  const std::optional<v1::ServiceNames>& named() const { return named_; }

  absl::StatusOr<v1::UpstreamRevision> Run() {
    for (const RevisionSource::Candidate& candidate : source_.candidates) {
      if (CallerIsGone()) return absl::CancelledError("given up");
      if (not_found_ == kMostNotFound || IsLate()) break;
      v1::ResolveRevisionRequest request;
      request.set_service(candidate.service);
      if (!context_.revision.empty()) request.set_revision(context_.revision);
      const v1::Host& host = hosts_[candidate.host].host->host;
      const auto resolved = context_.agents->ResolveRevision(
          AgentOf(host), request, [this] { return CallerIsGone() || IsLate(); });
      if (resolved.ok()) {
        teller_ = candidate.host;
        if (resolved->has_touched_services()) named_ = resolved->touched_services();
        return Revision(*resolved);
      }
      if (Decides(resolved.status())) return Told(host, resolved.status());
      tried_.push_back(absl::StrCat(host.host(), " (", host.address(), ")"));
      last_ = resolved.status();
      if (!absl::IsNotFound(last_)) continue;
      ++not_found_;
      refusal_ = Told(host, last_);
    }
    return refusal_.ok() ? Nobody() : refusal_;
  }

 private:
  bool CallerIsGone() const { return context_.give_up && context_.give_up(); }
  bool IsLate() const { return context_.clock->Now() >= deadline_; }

  // Every agent would return the same error.
  static bool Decides(const absl::Status& status) {
    return absl::IsInvalidArgument(status) || absl::IsFailedPrecondition(status);
  }

  v1::UpstreamRevision Revision(const v1::ResolveRevisionResponse& resolved) const {
    v1::UpstreamRevision revision;
    revision.set_upstream(source_.upstream);
    revision.set_branch(source_.branch);
    revision.set_hash(resolved.hash());
    if (resolved.has_commit()) *revision.mutable_commit() = resolved.commit();
    return revision;
  }

  absl::Status Told(const v1::Host& host, const absl::Status& status) const {
    const std::string message =
        absl::StrCat(Name(source_), ", asked of ", host.host(), ": ", status.message());
    return WithMetadata(WithMessage(status, message), {{"host", host.host()}});
  }

  absl::Status Nobody() const {
    const size_t shown = std::min(tried_.size(), kMostNamed);
    std::string agents = absl::StrJoin(tried_.begin(), tried_.begin() + shown, ", ");
    if (tried_.size() > shown) absl::StrAppend(&agents, " and ", tried_.size() - shown, " more");
    return MakeError(Reason::kUpstreamUnreachable,
                     absl::StrCat("no agent could tell the revision of ", Name(source_), "; asked ",
                                  agents, "; the last one: ", last_.message()),
                     {{"upstream", source_.upstream}, {"branch", source_.branch}});
  }

  const ResolveContext& context_;
  const std::vector<ChosenHost>& hosts_;
  const RevisionSource& source_;
  const absl::Time deadline_;
  std::vector<std::string> tried_;
  absl::Status last_;
  absl::Status refusal_;
  int not_found_ = 0;
  int teller_ = 0;
  std::optional<v1::ServiceNames> named_;
};

}  // namespace

std::vector<HostServices> ServicesOfHosts(const Fleet& fleet, const std::vector<ChosenHost>& hosts,
                                          const std::string& service) {
  std::vector<HostServices> services;
  services.reserve(hosts.size());
  for (const ChosenHost& host : hosts) {
    services.push_back(ServicesOfOne(fleet, host.host->host, service));
  }
  return services;
}

absl::Status NobodyHas(const std::string& service, int64_t asked) {
  return MakeError(Reason::kServiceUnknown,
                   absl::StrCat("none of the selected hosts has a service \"", service, "\" (",
                                asked, " asked); gitopsctl list services shows which there are"),
                   {{"service", service}});
}

absl::Status CheckServiceThere(const std::vector<HostServices>& hosts, const std::string& service) {
  if (service.empty()) return absl::OkStatus();
  const bool there = std::any_of(hosts.begin(), hosts.end(),
                                 [](const HostServices& host) { return host.has_service; });
  const auto known = std::count_if(hosts.begin(), hosts.end(),
                                   [](const HostServices& host) { return host.known; });
  if (there || known == 0) return absl::OkStatus();
  return NobodyHas(service, known);
}

std::vector<RevisionSource> SourcesOf(const std::vector<ChosenHost>& hosts,
                                      const std::vector<HostServices>& services) {
  std::vector<RevisionSource> sources;
  std::map<std::pair<std::string, std::string>, size_t> places;
  for (size_t i = 0; i < hosts.size(); ++i) {
    for (const CoordinatedService& service : services[i].coordinated) {
      const auto [place, is_new] =
          places.try_emplace({service.upstream, service.branch}, sources.size());
      if (is_new) sources.push_back({.upstream = service.upstream, .branch = service.branch});
      auto& candidates = sources[place->second].candidates;
      const int host = static_cast<int>(i);
      // One service of a host is enough.
      if (!candidates.empty() && candidates.back().host == host) continue;
      candidates.push_back({.host = host, .service = service.service});
    }
  }
  for (RevisionSource& source : sources) {
    std::stable_sort(
        source.candidates.begin(), source.candidates.end(), [&](const auto& a, const auto& b) {
          return Rank(hosts[a.host].host->host.state()) < Rank(hosts[b.host].host->host.state());
        });
  }
  return sources;
}

absl::StatusOr<std::vector<v1::UpstreamRevision>> ResolveRevisions(
    const ResolveContext& context, const std::vector<ChosenHost>& hosts,
    const std::vector<RevisionSource>& sources, const std::vector<HostServices>& services,
    bool lenient, Touched& touched) {
  const int count = static_cast<int>(sources.size());
  std::vector<absl::StatusOr<v1::UpstreamRevision>> answers(count);
  std::vector<std::unique_ptr<Inquiry>> inquiries(count);
  SideBySide(count, kMostAtOnce, [&](int i) {
    inquiries[i] = std::make_unique<Inquiry>(context, hosts, sources[i]);
    answers[i] = inquiries[i]->Run();
  });
  for (int i = 0; i < count; ++i) {
    const std::optional<v1::ServiceNames>& named = inquiries[i]->named();
    if (!named.has_value()) continue;
    touched.Learn(sources[i], services[inquiries[i]->teller()], *named);
  }
  std::vector<v1::UpstreamRevision> revisions;
  absl::Status missing;
  for (auto& answer : answers) {
    if (answer.ok()) {
      revisions.push_back(*std::move(answer));
    } else if (absl::IsCancelled(answer.status())) {
      return answer.status();
    } else if (!lenient) {
      // An agent that does not know the service yet proves nothing about the upstream.
      if (!HasReason(answer.status(), Reason::kRevisionUnknown)) return answer.status();
      missing = answer.status();
    }
  }
  if (revisions.empty() && !missing.ok()) return missing;
  return revisions;
}

void Touched::Learn(const RevisionSource& source, const HostServices& host,
                    const v1::ServiceNames& named) {
  told_.emplace(source.upstream, source.branch);
  for (const CoordinatedService& service : host.coordinated) {
    if (service.upstream != source.upstream || service.branch != source.branch) continue;
    changes_[KeyOf(service)] = absl::c_linear_search(named.services(), service.service);
  }
}

bool Touched::ChangesNothing(const CoordinatedService& service) const {
  // The first publication writes all files.
  if (service.hash.empty()) return false;
  const auto found = changes_.find(KeyOf(service));
  return found != changes_.end() && !found->second;
}

bool Touched::IsKnown(const CoordinatedService& service) const {
  return service.hash.empty() || changes_.contains(KeyOf(service));
}

bool Touched::IsTold(const CoordinatedService& service) const {
  return told_.contains({service.upstream, service.branch});
}

void LearnTouched(const ResolveContext& context, const std::vector<ChosenHost>& hosts,
                  const std::vector<HostServices>& services,
                  const std::vector<v1::UpstreamRevision>& revisions, Touched& touched) {
  struct Question {
    int host = 0;
    RevisionSource source;
    std::string service, hash;
    std::optional<v1::ServiceNames> named;
  };
  std::vector<Question> questions;
  std::set<std::string> asked;
  const auto add = [&](int host, const CoordinatedService& service) {
    if (touched.IsKnown(service) || !touched.IsTold(service)) return;
    if (asked.contains(KeyOf(service))) return;
    for (const v1::UpstreamRevision& revision : revisions) {
      if (revision.upstream() != service.upstream || revision.branch() != service.branch) continue;
      if (revision.hash() == service.hash) return;
      questions.push_back({.host = host,
                           .source = {.upstream = service.upstream, .branch = service.branch},
                           .service = service.service,
                           .hash = revision.hash()});
      // One answer is about all services of the host that follow the branch.
      for (const CoordinatedService& other : services[host].coordinated) {
        if (other.upstream == service.upstream && other.branch == service.branch) {
          asked.insert(KeyOf(other));
        }
      }
      return;
    }
  };
  for (size_t i = 0; i < hosts.size() && questions.size() < kMostFurther; ++i) {
    if (hosts[i].host->host.state() != v1::HOST_STATE_ONLINE) continue;
    for (const CoordinatedService& service : services[i].coordinated) {
      if (questions.size() < kMostFurther) add(static_cast<int>(i), service);
    }
  }
  const absl::Time deadline = context.clock->Now() + kLongestFurther;
  SideBySide(static_cast<int>(questions.size()), kMostAtOnce, [&](int i) {
    Question& question = questions[i];
    v1::ResolveRevisionRequest request;
    request.set_service(question.service);
    request.set_revision(question.hash);
    const auto resolved = context.agents->ResolveRevision(
        AgentOf(hosts[question.host].host->host), request,
        [&] { return context.clock->Now() >= deadline || (context.give_up && context.give_up()); });
    if (resolved.ok() && resolved->has_touched_services()) {
      question.named = resolved->touched_services();
    }
  });
  for (const Question& question : questions) {
    if (question.named.has_value()) {
      touched.Learn(question.source, services[question.host], *question.named);
    }
  }
}

}  // namespace gitops
