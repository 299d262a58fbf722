#include "agent/operation/sync_action.h"

#include <algorithm>
#include <memory>
#include <stop_token>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/time/time.h"
#include "agent/operation/history_words.h"
#include "common/config/fleet.h"
#include "common/git/commit_message.h"
#include "common/git/url.h"
#include "common/rpc/error.h"
#include "common/rpc/request_checks.h"

namespace gitops {
namespace {

// A service whose configuration changes meanwhile is back within moments.
constexpr absl::Duration kMaxAbsence = absl::Seconds(5);

using Controller = std::shared_ptr<ServiceController>;

// A service that is moving.
struct Move {
  Controller controller;
  std::string wanted;  // as the request has it
  absl::StatusOr<ServiceController::Sync> sync = absl::UnknownError("not begun");
  bool started = false;

  const std::string& service() const { return controller->spec().service; }
};

// The revision that the request has for a service; empty: none.
std::string RevisionFor(const v1::PerformActionRequest& request, const ServiceSpec& spec) {
  for (const v1::ServiceRevision& own : request.service_revisions()) {
    if (own.service() == spec.service) return absl::AsciiStrToLower(own.hash());
  }
  const std::string url = RedactUrl(spec.upstream.url);
  for (const v1::UpstreamRevision& revision : request.upstream_revisions()) {
    const bool upstream = revision.upstream().empty() || revision.upstream() == url;
    const bool branch = revision.branch().empty() || revision.branch() == spec.branch;
    if (upstream && branch) return absl::AsciiStrToLower(revision.hash());
  }
  return "";
}

bool IsCoordinated(const Controller& controller) {
  return controller->spec().tracking == Tracking::kCoordinated;
}

absl::StatusOr<std::vector<Controller>> Concerned(HostAgent& agent,
                                                  const v1::PerformActionRequest& request) {
  std::vector<Controller> concerned;
  if (request.service().empty()) {
    for (const Controller& controller : agent.All()) {
      if (IsCoordinated(controller)) concerned.push_back(controller);
    }
    return concerned;
  }
  auto found = agent.Find(request.service());
  if (!found.ok()) return concerned;
  if (!IsCoordinated(*found)) {
    return MakeError(
        Reason::kServiceNotCoordinated,
        absl::StrCat(
            request.service(),
            ": follows its branch by itself (tracking = auto); deployments do not move it"),
        {{"service", request.service()}});
  }
  concerned.push_back(*found);
  return concerned;
}

absl::StatusOr<std::vector<Move>> MovesOf(HostAgent& agent,
                                          const v1::PerformActionRequest& request) {
  auto concerned = Concerned(agent, request);
  if (!concerned.ok()) return concerned.status();
  std::vector<Move> moves;
  for (const Controller& controller : *concerned) {
    const ServiceSpec& spec = controller->spec();
    const std::string wanted = RevisionFor(request, spec);
    if (wanted.empty()) {
      return absl::FailedPreconditionError(absl::StrCat(
          spec.service, ": the deployment has no revision for branch ", spec.branch, " of ",
          RedactUrl(spec.upstream.url), "; agent and planner must read the same fleet config"));
    }
    moves.push_back({controller, wanted});
  }
  return moves;
}

void Start(const v1::PerformActionRequest& request, const Patience& patience, Move& move) {
  move.sync = move.controller->StartSync(move.wanted, ActorOf(request.operation()),
                                         ReasonOf(request.operation()), patience);
  move.started = move.started || move.sync.ok();
}

absl::StatusOr<ServiceRecord> Await(const Patience& patience, Move& move) {
  if (!move.sync.ok()) return move.sync.status();
  return move.controller->AwaitSync(*move.sync, patience);
}

// A service that restarts because its configuration changed refuses commands meanwhile.
absl::StatusOr<ServiceRecord> Finish(HostAgent& agent, const v1::PerformActionRequest& request,
                                     const Patience& patience, Move& move) {
  absl::StatusOr<ServiceRecord> record = Await(patience, move);
  while (absl::IsUnavailable(record.status()) && !patience.cancelled()) {
    auto successor = agent.AwaitSuccessor(*move.controller, kMaxAbsence);
    if (!successor.ok()) return record;
    move.controller = *std::move(successor);
    Start(request, patience, move);
    record = Await(patience, move);
  }
  return record;
}

std::string FromHash(const record::v1::Operation& before, const Move& move) {
  for (const record::v1::ServiceMove& noted : before.before()) {
    if (noted.service() == move.service()) return noted.from_hash();
  }
  return move.sync.ok() ? move.sync->from_hash : "";
}

std::string Tell(const v1::ServiceMove& move) {
  if (move.from_hash() == move.to_hash()) {
    return absl::StrCat(move.service(), ": is at ", move.to_hash());
  }
  return absl::StrCat(move.service(), ": ", move.from_hash().empty() ? "nothing" : move.from_hash(),
                      " -> ", move.to_hash());
}

// One error for all: that of the first one if the codes agree, else INTERNAL.
absl::Status Together(const std::vector<absl::Status>& failures) {
  const std::string message = absl::StrJoin(
      failures, "; ",
      [](std::string* out, const absl::Status& status) { absl::StrAppend(out, status.message()); });
  for (const absl::Status& failure : failures) {
    if (absl::IsUnavailable(failure) || absl::IsCancelled(failure)) {
      return WithMessage(failure, message);
    }
  }
  const absl::Status& first = failures.front();
  const bool same = std::all_of(failures.begin(), failures.end(), [&](const absl::Status& other) {
    return other.code() == first.code() && ReasonOf(other) == ReasonOf(first);
  });
  if (same) return WithMessage(first, message);
  const bool same_code =
      std::all_of(failures.begin(), failures.end(),
                  [&](const absl::Status& other) { return other.code() == first.code(); });
  return absl::Status(same_code ? first.code() : absl::StatusCode::kInternal, message);
}

}  // namespace

absl::Status CheckSync(const v1::PerformActionRequest& request) {
  for (int i = 0; i < request.upstream_revisions_size(); ++i) {
    const absl::Status good = CheckHash(request.upstream_revisions(i).hash(),
                                        absl::StrCat("upstream_revisions[", i, "].hash"));
    if (!good.ok()) return good;
  }
  for (int i = 0; i < request.service_revisions_size(); ++i) {
    const absl::Status good = CheckHash(request.service_revisions(i).hash(),
                                        absl::StrCat("service_revisions[", i, "].hash"));
    if (!good.ok()) return good;
  }
  return absl::OkStatus();
}

absl::Status NoteSync(HostAgent& agent, const v1::PerformActionRequest& request,
                      record::v1::Operation& operation) {
  auto moves = MovesOf(agent, request);
  if (!moves.ok()) return moves.status();
  for (const Move& move : *moves) {
    record::v1::ServiceMove& noted = *operation.add_before();
    noted.set_service(move.service());
    noted.set_from_hash(move.controller->View().record.hash);
  }
  return absl::OkStatus();
}

ActionOutcome SyncServices(HostAgent& agent, const v1::PerformActionRequest& request,
                           const record::v1::Operation& before,
                           const std::function<bool()>& abandoned) {
  const Patience patience = {.cancelled = abandoned};
  auto moves = MovesOf(agent, request);
  if (!moves.ok()) return ActionOutcome::Of(moves.status());
  if (moves->empty()) {
    return ActionOutcome::Done(request.service().empty()
                                   ? "no coordinated services here"
                                   : absl::StrCat("no service ", request.service(), " here"));
  }
  for (Move& move : *moves) Start(request, patience, move);
  // Of commits, only what is known: a git that hangs must not hold up the outcome.
  std::stop_source known;
  known.request_stop();
  ActionOutcome outcome;
  std::vector<std::string> told;
  std::vector<absl::Status> failures;
  for (Move& move : *moves) {
    const absl::StatusOr<ServiceRecord> record = Finish(agent, request, patience, move);
    if (!record.ok()) failures.push_back(record.status());
    if (!move.started) continue;
    v1::ServiceMove& done = *outcome.response.add_moves();
    done.set_service(move.service());
    done.set_from_hash(FromHash(before, move));
    done.set_to_hash(move.sync.ok() ? move.sync->revision : move.wanted);
    const CommitInfo commit = move.controller->Describe(done.to_hash(), known.get_token());
    if (!commit.hash.empty()) WriteCommit(commit, *done.mutable_commit());
    if (record.ok()) told.push_back(Tell(done));
  }
  outcome.response.set_output(absl::StrJoin(told, "\n"));
  if (failures.empty()) return outcome;
  ActionOutcome failed = ActionOutcome::Of(Together(failures));
  failed.response = std::move(outcome.response);
  return failed;
}

}  // namespace gitops
