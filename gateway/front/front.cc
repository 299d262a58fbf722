#include "gateway/front/front.h"

#include <prometheus/counter.h>

#include <algorithm>
#include <utility>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "common/api/roles.h"
#include "common/audit/call_audit.h"
#include "common/jwt/jwt.h"
#include "common/log/log.h"
#include "common/rpc/error.h"
#include "common/rpc/principal.h"
#include "common/text/utf8.h"
#include "common/trace/traceparent.h"
#include "gateway/front/problem.h"

namespace gitops {
namespace {

constexpr size_t kMaxAuditedPath = 200;
constexpr char kGateway[] = "the gateway";
// The maximum of Retry-After: Flux gives up after 15 s.
constexpr absl::Duration kMaxRetry = absl::Seconds(4);

// Parameters that clients use for tokens. URLs end in logs and histories.
constexpr absl::string_view kTokenParameters[] = {"access_token", "token", "bearer", "api_key",
                                                  "authorization"};

bool HasTokenInQuery(absl::string_view query) {
  for (const absl::string_view parameter : absl::StrSplit(query, absl::ByAnyChar("&;"))) {
    const absl::string_view name = parameter.substr(0, parameter.find('='));
    for (const absl::string_view each : kTokenParameters) {
      if (absl::EqualsIgnoreCase(name, each)) return true;
    }
  }
  return false;
}

// The role that `access` needs; none: none.
std::optional<Role> RoleFor(Access access) {
  switch (access) {
    case Access::kOpen:
      return std::nullopt;
    case Access::kOperator:
    case Access::kGitopperWrite:
      return Role::kOperator;
    case Access::kApprover:
      return Role::kApprover;
    case Access::kAdmin:
      return Role::kAdmin;
    case Access::kViewer:
    case Access::kApi:
    case Access::kGitopperRead:
    case Access::kMetrics:
      return Role::kViewer;
  }
  return Role::kAdmin;
}

absl::Status RateLimited(absl::Duration wait, absl::string_view what) {
  absl::Status error = MakeError(Reason::kRateLimited,
                                 absl::StrCat("too many requests ", what, "; try again later"));
  google::rpc::RetryInfo retry;
  wait = std::min(absl::Ceil(wait, absl::Seconds(1)), kMaxRetry);
  retry.mutable_retry_delay()->set_seconds(std::max<int64_t>(1, absl::ToInt64Seconds(wait)));
  SetDetail(retry, error);
  return error;
}

absl::Status ScopeRefused(const GatewayCaller& caller) {
  return MakeError(
      Reason::kPermissionDenied,
      absl::StrCat("the token \"", caller.name,
                   "\" is limited to hosts (on, tagged), and this route is not about "
                   "single hosts; use the routes /v1/hosts and /v1/services, or another "
                   "token"));
}

Principal PrincipalFor(const GatewayCaller& caller) {
  Principal principal;
  if (!caller.name.empty()) principal.name = caller.name;
  const std::string& address = caller.address;
  principal.address =
      address.empty() ? "unix"
                      : absl::StrCat(absl::StrContains(address, ':') ? "ipv6:" : "ipv4:", address);
  return principal;
}

// Clients invent methods, and each value of a label is kept for ever.
std::string MethodLabel(const std::string& method) {
  for (const char* known : {"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"}) {
    if (method == known) return method;
  }
  return "other";
}

// Not of requests that a proxy passes on.
bool IsFromThisMachine(const HttpServerRequest& request) {
  if (!request.Header("X-Forwarded-For").empty() || !request.Header("Forwarded").empty()) {
    return false;
  }
  return request.peer.uid.has_value() || IsLoopbackAddress(request.peer.address);
}

class FrontImpl : public Front {
 public:
  explicit FrontImpl(FrontOptions options)
      : options_(std::move(options)),
        of_addresses_(options_.rate_limit),
        of_tokens_(options_.rate_limit) {
    if (options_.metrics == nullptr) return;
    requests_ = &prometheus::BuildCounter()
                     .Name("gitops_gateway_requests_total")
                     .Help("Requests of known paths, by method and status.")
                     .Register(options_.metrics->registry());
  }

  HttpHandler Guard(Access access, CallerHandler handler) override {
    return [this, access, handler = std::move(handler)](std::unique_ptr<HttpExchange> exchange) {
      const HttpServerRequest& request = exchange->request();
      GatewayCaller caller;
      caller.address = options_.proxies.ClientAddress(request);
      caller.traceparent = TraceparentOrNew(request.Header(kTraceparent));
      const absl::Status admitted = Admit(access, request, caller);
      caller.acts_as = ActsAs(access, caller);
      LogAtEnd(*exchange, caller);
      if (!admitted.ok()) {
        Refused(caller, request, admitted);
        return exchange->Respond(ProblemOf(admitted));
      }
      if (!caller.name.empty()) caller.check_again = CheckingAgain(access, request);
      handler(caller, std::move(exchange));
    };
  }

  void Refused(const GatewayCaller& caller, const HttpServerRequest& request,
               const absl::Status& why) override {
    const bool reads = request.method == "GET" || request.method == "HEAD";
    const bool about_caller = absl::IsPermissionDenied(why) || absl::IsUnauthenticated(why);
    if (options_.audit == nullptr || (reads && !about_caller)) return;
    Principal principal = PrincipalFor(caller);
    principal.role = caller.role;
    record::v1::AuditEntry entry = CallerEntry(principal, MethodLabel(request.method));
    entry.set_kind(record::v1::AuditEntry::KIND_REFUSED);
    record::v1::AuditTarget& path = *entry.add_targets();
    path.set_name("path");
    path.set_value(ValidUtf8(request.path, kMaxAuditedPath));
    SetOutcome(why, entry);
    options_.audit->RecordRefusal(std::move(entry));
  }

 private:
  absl::Status Admit(Access access, const HttpServerRequest& request, GatewayCaller& caller) {
    const SteadyTime now = options_.clock->SteadyNow();
    const absl::Duration wait = of_addresses_.Take(RateKey(caller.address), now);
    if (wait > absl::ZeroDuration()) return RateLimited(wait, "from this address");
    const absl::Status token = ReadToken(request, caller);
    if (!caller.name.empty()) {
      const absl::Duration longer = of_tokens_.Take(caller.name, now);
      if (longer > absl::ZeroDuration()) return RateLimited(longer, "with this token");
    }
    if (IsOpen(access, request)) return absl::OkStatus();
    if (!token.ok()) return token;
    if (absl::Status status = CheckAccess(access, caller); !status.ok()) return status;
    if (!HasTokenInQuery(request.query)) return absl::OkStatus();
    return MakeError(Reason::kInvalidArgument,
                     "a token must not be in the URL, which logs keep; send only the header "
                     "Authorization: Bearer TOKEN, and replace the token that was in the URL");
  }

  static absl::Status CheckAccess(Access access, const GatewayCaller& caller) {
    if (absl::Status role = CheckRole(access, caller); !role.ok()) return role;
    const bool everywhere = access == Access::kApi || caller.scope.everything();
    return everywhere ? absl::OkStatus() : ScopeRefused(caller);
  }

  // Takes nothing of the rate limits.
  std::function<absl::Status()> CheckingAgain(Access access,
                                              const HttpServerRequest& request) const {
    HttpServerRequest again;
    again.headers = {{"Authorization", request.Header("Authorization")}};
    again.peer = request.peer;
    return [this, access, again = std::move(again)] {
      GatewayCaller caller;
      const absl::Status token = ReadToken(again, caller);
      if (IsOpen(access, again)) return absl::OkStatus();
      // That its issuer's keys are missing now says nothing about the token.
      if (absl::IsUnavailable(token)) return absl::OkStatus();
      return token.ok() ? CheckAccess(access, caller) : token;
    };
  }

  // A token says nothing where the route does not ask for one.
  static std::optional<Role> ActsAs(Access access, const GatewayCaller& caller) {
    const std::optional<Role> needed = RoleFor(access);
    const bool has_it =
        caller.role.has_value() && needed.has_value() && Includes(*caller.role, *needed);
    return has_it ? caller.role : needed;
  }

  // Sets the caller's name, role and scope. OK without a token.
  absl::Status ReadToken(const HttpServerRequest& request, GatewayCaller& caller) const {
    const std::string header = request.Header("Authorization");
    if (header.empty()) return absl::OkStatus();
    absl::string_view token = header;
    if (token.size() < 7 || !absl::EqualsIgnoreCase(token.substr(0, 7), "Bearer ")) {
      return MakeError(Reason::kUnauthenticated,
                       "the Authorization header is not of the form Bearer TOKEN");
    }
    token = absl::StripAsciiWhitespace(token.substr(7));
    const absl::StatusOr<Token> found = FindToken(token);
    if (!found.ok()) return found.status();
    caller.name = found->name;
    caller.role = found->role;
    caller.scope = found->scope;
    return absl::OkStatus();
  }

  absl::StatusOr<Token> FindToken(absl::string_view token) const {
    if (options_.identify && LooksLikeJwt(token)) return options_.identify(token);
    const std::shared_ptr<const Tokens> tokens = options_.tokens();
    const absl::StatusOr<const Token*> found = tokens->Find(token, options_.clock->Now());
    if (found.ok()) return **found;
    return MakeError(Reason::kUnauthenticated, found.status().message());
  }

  bool IsOpen(Access access, const HttpServerRequest& request) const {
    switch (access) {
      case Access::kOpen:
        return true;
      case Access::kGitopperRead:
        return options_.gitopper_access != GitopperAccess::kNone;
      case Access::kGitopperWrite:
        return options_.gitopper_access == GitopperAccess::kWrite;
      case Access::kMetrics:
        return IsFromThisMachine(request);
      default:
        return false;
    }
  }

  // Never the query, which may hold what a client should not have put there.
  void LogAtEnd(HttpExchange& exchange, const GatewayCaller& caller) {
    const HttpServerRequest& request = exchange.request();
    exchange.OnEnd([this, method = request.method, path = request.path, caller,
                    start = options_.clock->SteadyNow()](int status) {
      LogInfo("request",
              {{"method", method},
               {"path", path},
               {"status", absl::StrCat(status)},
               {"duration", absl::FormatDuration(absl::Trunc(options_.clock->SteadyNow() - start,
                                                             absl::Microseconds(10)))},
               {"address", caller.address},
               {"token", caller.name},
               {"trace", caller.traceparent.substr(3, 32)}});
      if (requests_ == nullptr) return;
      requests_->Add({{"method", MethodLabel(method)}, {"code", absl::StrCat(status)}}).Increment();
    });
  }

  const FrontOptions options_;
  RateLimiter of_addresses_;
  RateLimiter of_tokens_;
  prometheus::Family<prometheus::Counter>* requests_ = nullptr;
};

}  // namespace

Caller GatewayCaller::ForService() const {
  Caller caller;
  caller.user = kGateway;
  caller.on_behalf_of = OnBehalfOfText(PrincipalFor(*this));
  if (acts_as.has_value()) caller.role = std::string(RoleName(*acts_as));
  caller.traceparent = traceparent;
  return caller;
}

absl::Status CheckRole(Access access, const GatewayCaller& caller) {
  const std::optional<Role> required = RoleFor(access);
  if (!required.has_value()) return absl::OkStatus();
  if (!caller.role.has_value()) {
    return MakeError(Reason::kUnauthenticated,
                     "this needs a token; send it in the header Authorization: Bearer TOKEN");
  }
  if (Includes(*caller.role, *required)) return absl::OkStatus();
  return MakeError(Reason::kPermissionDenied,
                   absl::StrCat("this needs the role ", RoleName(*required), "; the token \"",
                                caller.name, "\" has the role ", RoleName(*caller.role)));
}

CallerHandler CallLimit::Limit(CallerHandler handler) const {
  return [most = most_, handler = std::move(handler), running = running_](
             const GatewayCaller& caller, std::unique_ptr<HttpExchange> exchange) {
    const std::shared_ptr<void> leaves(nullptr, [&](void*) { --*running; });
    if (++*running <= most) return handler(caller, std::move(exchange));
    absl::Status error = MakeError(
        Reason::kTooManyCalls, "too many such requests wait for other servers; try again later");
    google::rpc::RetryInfo retry;
    retry.mutable_retry_delay()->set_seconds(1);
    SetDetail(retry, error);
    exchange->Respond(ProblemOf(error));
  };
}

std::unique_ptr<Front> NewFront(FrontOptions options) {
  return std::make_unique<FrontImpl>(std::move(options));
}

}  // namespace gitops
