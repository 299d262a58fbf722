#include <iterator>

#include "common/rpc/error.h"

namespace gitops {
namespace {

using Code = absl::StatusCode;

// A name, once released, keeps its meaning and code.
constexpr ReasonInfo kReasons[] = {
    {Reason::kCancelled, "CANCELLED", Code::kCancelled, 499, "The caller cancelled the call."},
    {Reason::kUnknown, "UNKNOWN", Code::kUnknown, 500, "An error without a known code."},
    {Reason::kInvalidArgument, "INVALID_ARGUMENT", Code::kInvalidArgument, 400,
     "The request is wrong, whatever the state; `BadRequest` names the fields where they are "
     "known."},
    {Reason::kDeadlineExceeded, "DEADLINE_EXCEEDED", Code::kDeadlineExceeded, 504,
     "The time limit of the call is over; work that has started may continue."},
    {Reason::kNotFound, "NOT_FOUND", Code::kNotFound, 404, "A named resource does not exist."},
    {Reason::kAlreadyExists, "ALREADY_EXISTS", Code::kAlreadyExists, 409,
     "Something with this name already exists."},
    {Reason::kPermissionDenied, "PERMISSION_DENIED", Code::kPermissionDenied, 403,
     "The caller is not allowed to do this."},
    {Reason::kResourceExhausted, "RESOURCE_EXHAUSTED", Code::kResourceExhausted, 429,
     "A limit is reached; the message names it."},
    {Reason::kFailedPrecondition, "FAILED_PRECONDITION", Code::kFailedPrecondition, 409,
     "The current state forbids the call."},
    {Reason::kAborted, "ABORTED", Code::kAborted, 409, "A concurrent change interfered."},
    {Reason::kOutOfRange, "OUT_OF_RANGE", Code::kOutOfRange, 400,
     "A position is no longer available."},
    {Reason::kUnimplemented, "UNIMPLEMENTED", Code::kUnimplemented, 501,
     "This version cannot do it."},
    {Reason::kInternal, "INTERNAL", Code::kInternal, 500,
     "The attempt failed; the message says why."},
    {Reason::kUnavailable, "UNAVAILABLE", Code::kUnavailable, 503,
     "It cannot be done now, and nothing was changed; try again later."},
    {Reason::kDataLoss, "DATA_LOSS", Code::kDataLoss, 500, "A stored record is damaged."},
    {Reason::kUnauthenticated, "UNAUTHENTICATED", Code::kUnauthenticated, 401,
     "The caller is not authenticated."},

    {Reason::kHostUnknown, "HOST_UNKNOWN", Code::kNotFound, 404,
     "The fleet has no host of this name."},
    {Reason::kNoHostSelected, "NO_HOST_SELECTED", Code::kNotFound, 404,
     "The selection, or a select hook, left no host; the metadata says which hook."},
    {Reason::kServiceUnknown, "SERVICE_UNKNOWN", Code::kNotFound, 404,
     "The host, or no selected host, has a service of this name."},
    {Reason::kRevisionUnknown, "REVISION_UNKNOWN", Code::kNotFound, 404,
     "Neither the host nor the upstream has the revision."},
    {Reason::kBranchUnknown, "BRANCH_UNKNOWN", Code::kNotFound, 404,
     "The upstream has no branch of this name."},
    {Reason::kPlanUnknown, "PLAN_UNKNOWN", Code::kNotFound, 404,
     "There is no plan with this token, it has expired, or it was removed for newer plans."},
    {Reason::kDeploymentUnknown, "DEPLOYMENT_UNKNOWN", Code::kNotFound, 404,
     "There is no deployment with this id, or it is no longer kept."},
    {Reason::kHostNotLocked, "HOST_NOT_LOCKED", Code::kNotFound, 404,
     "The host has no lock to break."},
    {Reason::kPipelineUnknown, "PIPELINE_UNKNOWN", Code::kNotFound, 404,
     "There is no pipeline of this namespace and name."},
    {Reason::kEnvironmentUnknown, "ENVIRONMENT_UNKNOWN", Code::kNotFound, 404,
     "The pipeline has no environment of this name."},
    {Reason::kPromotionUnknown, "PROMOTION_UNKNOWN", Code::kNotFound, 404,
     "There is no promotion with this id or revision, or it is no longer kept."},

    {Reason::kWholeFleet, "WHOLE_FLEET", Code::kInvalidArgument, 400,
     "The selection is the whole fleet, and `all` is not set."},

    {Reason::kRevisionAmbiguous, "REVISION_AMBIGUOUS", Code::kFailedPrecondition, 409,
     "Several revisions begin with these digits."},
    {Reason::kServiceFrozen, "SERVICE_FROZEN", Code::kFailedPrecondition, 409,
     "The service is frozen; the metadata says by whom."},
    {Reason::kServiceNotCoordinated, "SERVICE_NOT_COORDINATED", Code::kFailedPrecondition, 409,
     "The service follows its branch by itself; deployments do not move it."},
    {Reason::kNothingPublished, "NOTHING_PUBLISHED", Code::kFailedPrecondition, 409,
     "The service has not published anything yet."},
    {Reason::kHostLocked, "HOST_LOCKED", Code::kFailedPrecondition, 409,
     "Another deployment has locked the host, and `no_wait` is set."},
    {Reason::kPlanStale, "PLAN_STALE", Code::kFailedPrecondition, 409,
     "The fleet has changed since the plan was made; plan again."},
    {Reason::kHookStopped, "HOOK_STOPPED", Code::kFailedPrecondition, 409, "A hook stopped it."},
    {Reason::kNoHookDispatcher, "NO_HOOK_DISPATCHER", Code::kFailedPrecondition, 409,
     "The planner runs without a hook dispatcher."},
    {Reason::kDeploymentNotEnded, "DEPLOYMENT_NOT_ENDED", Code::kFailedPrecondition, 409,
     "The deployment is still in progress."},
    {Reason::kDeploymentEnded, "DEPLOYMENT_ENDED", Code::kFailedPrecondition, 409,
     "The deployment has ended already."},
    {Reason::kNothingToResume, "NOTHING_TO_RESUME", Code::kFailedPrecondition, 409,
     "The deployment has no hosts left to continue with."},
    {Reason::kNothingToRollBack, "NOTHING_TO_ROLL_BACK", Code::kFailedPrecondition, 409,
     "The deployment moved no service."},
    {Reason::kNothingToSync, "NOTHING_TO_SYNC", Code::kFailedPrecondition, 409,
     "A selected host has no coordinated service that `sync` would move."},
    {Reason::kFencingStale, "FENCING_STALE", Code::kFailedPrecondition, 409,
     "A newer deployment has locked the host since; nothing was done."},
    {Reason::kFencingAhead, "FENCING_AHEAD", Code::kFailedPrecondition, 409,
     "The fencing number is more than a day ahead of the host's clock."},
    {Reason::kNixMissing, "NIX_MISSING", Code::kFailedPrecondition, 409,
     "The action needs Nix, which the host does not have."},
    {Reason::kNotInOwnConfig, "NOT_IN_OWN_CONFIG", Code::kPermissionDenied, 403,
     "The host's own configuration does not have this check or secret."},
    {Reason::kSuperseded, "SUPERSEDED", Code::kAborted, 409,
     "Another command came in between; look at the state."},
    {Reason::kHostLost, "HOST_LOST", Code::kAborted, 409,
     "The host's agent was lost during the action and did not come back in time; what was done is "
     "not known."},
    {Reason::kOperationInterrupted, "OPERATION_INTERRUPTED", Code::kAborted, 409,
     "The agent stopped during the operation, and a repetition could do it twice."},
    {Reason::kOperationIdReused, "OPERATION_ID_REUSED", Code::kInvalidArgument, 400,
     "The operation id stands for another action."},
    {Reason::kRequestIdReused, "REQUEST_ID_REUSED", Code::kAlreadyExists, 409,
     "The request id was used for a request with other content."},
    {Reason::kHostTaken, "HOST_TAKEN", Code::kAlreadyExists, 409,
     "Another agent reports for the host."},
    {Reason::kEventMalformed, "EVENT_MALFORMED", Code::kInvalidArgument, 400,
     "The body is not a JSON event."},
    {Reason::kSignatureInvalid, "SIGNATURE_INVALID", Code::kUnauthenticated, 401,
     "The signature is missing, malformed, of an unknown algorithm, or wrong."},
    {Reason::kSigningKeyMissing, "SIGNING_KEY_MISSING", Code::kUnauthenticated, 401,
     "There is no key to check the signature with."},
    {Reason::kEventStale, "EVENT_STALE", Code::kUnauthenticated, 401,
     "The event is too old, or from the future."},
    {Reason::kSignatureReused, "SIGNATURE_REUSED", Code::kUnauthenticated, 401,
     "The signature of an approval was used before."},
    {Reason::kEventEnvironmentUnknown, "EVENT_ENVIRONMENT_UNKNOWN", Code::kFailedPrecondition, 422,
     "The pipeline has no environment of the name in the URL."},
    {Reason::kObjectMismatch, "OBJECT_MISMATCH", Code::kFailedPrecondition, 422,
     "The involved object is not the application of the pipeline in this environment."},
    {Reason::kEventWithoutRevision, "EVENT_WITHOUT_REVISION", Code::kFailedPrecondition, 422,
     "The event has no revision in its metadata."},
    {Reason::kLastEnvironment, "LAST_ENVIRONMENT", Code::kFailedPrecondition, 422,
     "There is no environment after the last one."},
    {Reason::kNoTargets, "NO_TARGETS", Code::kFailedPrecondition, 422,
     "The next environment has no targets."},
    {Reason::kNothingWaits, "NOTHING_WAITS", Code::kFailedPrecondition, 422,
     "Another revision, or none, waits for approval."},
    {Reason::kSoakNotOver, "SOAK_NOT_OVER", Code::kFailedPrecondition, 409,
     "The revision has not soaked yet, and `force` is not set."},
    {Reason::kPromotionNotEnded, "PROMOTION_NOT_ENDED", Code::kFailedPrecondition, 409,
     "The promotion is in progress, or has succeeded."},

    {Reason::kTooManyCalls, "TOO_MANY_CALLS", Code::kResourceExhausted, 429,
     "Too many calls of this kind are in progress.", 1},
    {Reason::kTooManyWatchers, "TOO_MANY_WATCHERS", Code::kResourceExhausted, 429,
     "Too many watches are open.", 5},
    {Reason::kTooManyDeployments, "TOO_MANY_DEPLOYMENTS", Code::kResourceExhausted, 429,
     "Too many deployments are in progress.", 30},
    {Reason::kTooManyAgents, "TOO_MANY_AGENTS", Code::kResourceExhausted, 429,
     "Too many agents report, or they report too much in total.", 60},
    {Reason::kReportTooLarge, "REPORT_TOO_LARGE", Code::kResourceExhausted, 429,
     "An agent reports more than the planner keeps of one agent.", 60},
    {Reason::kTooManyRequestIds, "TOO_MANY_REQUEST_IDS", Code::kResourceExhausted, 429,
     "Too many request ids are stored; omit it, or try again later.", 600},
    {Reason::kPlanTooLarge, "PLAN_TOO_LARGE", Code::kResourceExhausted, 413,
     "The plan would be too large; select fewer hosts, or give fewer actions."},
    {Reason::kRateLimited, "RATE_LIMITED", Code::kResourceExhausted, 429,
     "Too many requests from this address or with this token.", 1},

    {Reason::kServerStarting, "SERVER_STARTING", Code::kUnavailable, 503,
     "The server is starting; try again soon.", 1},
    {Reason::kServerStopping, "SERVER_STOPPING", Code::kUnavailable, 503,
     "The server, or this service's part of it, is stopping; try again when it is back.", 2},
    {Reason::kHostUnreachable, "HOST_UNREACHABLE", Code::kUnavailable, 503,
     "The planner cannot reach the host's agent.", 10},
    {Reason::kUpstreamUnreachable, "UPSTREAM_UNREACHABLE", Code::kUnavailable, 503,
     "The upstream does not answer, or refuses this host.", 10},
    {Reason::kHookDispatcherUnreachable, "HOOK_DISPATCHER_UNREACHABLE", Code::kUnavailable, 503,
     "The planner cannot reach the hook dispatcher.", 5},
    {Reason::kPlannerUnreachable, "PLANNER_UNREACHABLE", Code::kUnavailable, 503,
     "The gateway or the promotion receiver cannot reach the planner.", 5},
    {Reason::kPromotionReceiverUnreachable, "PROMOTION_RECEIVER_UNREACHABLE", Code::kUnavailable,
     503, "The gateway cannot reach the promotion receiver.", 2},
    {Reason::kAuditUnavailable, "AUDIT_UNAVAILABLE", Code::kUnavailable, 503,
     "The change cannot be recorded in the audit, so it was not made.", 10},
};

constexpr bool InOrderOfTheEnum() {
  size_t i = 0;
  for (const ReasonInfo& row : kReasons) {
    if (static_cast<size_t>(row.reason) != i++) return false;
  }
  return i == static_cast<size_t>(Reason::kAuditUnavailable) + 1;
}
static_assert(InOrderOfTheEnum(), "a row for each reason, in the order of the enum");

}  // namespace

absl::Span<const ReasonInfo> AllReasons() { return kReasons; }

const ReasonInfo& InfoOf(Reason reason) { return kReasons[static_cast<size_t>(reason)]; }

Reason GenericReason(absl::StatusCode code) {
  for (const ReasonInfo& row : kReasons) {
    if (row.code == code) return row.reason;  // generic ones come first
  }
  return Reason::kUnknown;
}

}  // namespace gitops
