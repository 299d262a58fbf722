#include "services/planner/check/host_checks.h"

#include <chrono>
#include <cstddef>
#include <utility>
#include <vector>

#include "absl/algorithm/container.h"
#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_replace.h"
#include "common/clock/timestamp.h"
#include "common/git/url.h"
#include "common/rpc/address.h"
#include "services/planner/check/repeated_checks.h"

namespace gitops {
namespace {

// The limit of a check's output in the record, on one line.
constexpr size_t kMostOutput = 1000;
// Only the status of the answer counts.
constexpr int64_t kMostBody = 64 << 10;
constexpr int kMaxRedirects = 5;

std::string HostPart(const std::string& address, const std::string& name) {
  const absl::StatusOr<Address> parsed = ParseAddress(address, 0);
  if (!parsed.ok()) return name;
  return parsed->is_unix() ? "localhost" : parsed->host;
}

std::string UrlOf(const HttpCheckSpec& check, const std::string& own_host) {
  std::string host = check.host.empty() ? own_host : check.host;
  if (absl::StrContains(host, ':') && !absl::StartsWith(host, "[")) {
    host = absl::StrCat("[", host, "]");
  }
  return absl::StrCat(check.scheme, "://", host, ":", check.port,
                      absl::StartsWith(check.path, "/") ? "" : "/", check.path);
}

// The end of a command's output, which usually has the reason.
std::string OnOneLine(absl::string_view text) {
  text = absl::StripAsciiWhitespace(text);
  const bool cut = text.size() > kMostOutput;
  if (cut) text.remove_prefix(text.size() - kMostOutput);
  return absl::StrCat(cut ? "..." : "", absl::StrReplaceAll(text, {{"\r", ""}, {"\n", " | "}}));
}

absl::Status Judge(const absl::StatusOr<HttpResponse>& response, const HttpResponse& partial) {
  const bool too_long = absl::IsResourceExhausted(response.status());
  if (!response.ok() && !(too_long && partial.status != 0)) return response.status();
  const int status = response.ok() ? response->status : partial.status;
  if (status >= 200 && status < 300) return absl::OkStatus();
  return absl::FailedPreconditionError(absl::StrCat("it answered ", status, ", not 2xx"));
}

absl::Status Judge(const absl::StatusOr<v1::RunCheckResponse>& response) {
  if (!response.ok()) return response.status();
  if (response->exit_status() == 0) return absl::OkStatus();
  const std::string output = OnOneLine(response->output());
  return absl::FailedPreconditionError(absl::StrCat(
      response->exit_status() < 0 ? "the command was not started, or not done in time"
                                  : absl::StrCat("exit status ", response->exit_status()),
      output.empty() ? "" : ": ", output));
}

// The URL that the answer redirects to; empty: it is not a redirect.
absl::StatusOr<std::string> RedirectOf(const std::string& url, const HttpResponse& response) {
  static constexpr int kRedirects[] = {301, 302, 303, 307, 308};
  const auto location = response.headers.find("location");
  if (!absl::c_linear_search(kRedirects, response.status) || location == response.headers.end()) {
    return "";
  }
  return RedirectWithinHost(url, location->second);
}

// `timeout` is for all requests together.
absl::Status AskOnce(HttpClient* http, HttpRequest request, bool follow_redirects,
                     absl::Duration timeout) {
  const auto deadline = std::chrono::steady_clock::now() + absl::ToChronoNanoseconds(timeout);
  for (int redirects = 0;; ++redirects) {
    HttpResponse partial;
    request.partial = &partial;
    request.timeout = request.connect_timeout =
        absl::FromChrono(deadline - std::chrono::steady_clock::now());
    const absl::StatusOr<HttpResponse> response = http->Do(request);
    if (!follow_redirects) return Judge(response, partial);
    absl::StatusOr<std::string> next = RedirectOf(request.url, response.ok() ? *response : partial);
    if (!next.ok()) return next.status();
    if (next->empty()) return Judge(response, partial);
    if (redirects == kMaxRedirects) {
      return absl::FailedPreconditionError(
          absl::StrCat("it redirects more than ", kMaxRedirects, " times"));
    }
    request.url = *std::move(next);
  }
}

RepeatedCheck HttpCheck(HttpClient* http, const HttpCheckSpec& spec, const std::string& own_host) {
  HttpRequest request;
  request.url = UrlOf(spec, own_host);
  request.headers.assign(spec.headers.begin(), spec.headers.end());
  request.insecure_ssl = spec.insecure_ssl;
  request.max_body = kMostBody;
  std::string name = absl::StrCat("http ", RedactUrl(request.url));
  if (!spec.description.empty()) name = absl::StrCat(spec.description, " (", name, ")");
  return {.name = std::move(name),
          .period = spec.period,
          .timeout = spec.timeout,
          .attempt = [http, request = std::move(request), follow = spec.follow_redirects](
                         absl::Duration timeout, const std::function<bool()>& give_up) {
            HttpRequest attempt = request;
            attempt.give_up = give_up;
            return AskOnce(http, std::move(attempt), follow, timeout);
          }};
}

RepeatedCheck CmdCheck(CheckCaller* agents, const CmdCheckSpec& spec, const AgentAddress& address,
                       v1::RunCheckRequest::Kind kind) {
  v1::RunCheckRequest request;
  request.set_kind(kind);
  request.mutable_cmd()->Assign(spec.cmd.begin(), spec.cmd.end());
  std::string name = absl::StrCat("cmd ", OnOneLine(absl::StrJoin(spec.cmd, " ")));
  if (!spec.description.empty()) name = absl::StrCat(spec.description, " (", name, ")");
  return {.name = std::move(name),
          .period = spec.period,
          .timeout = spec.timeout,
          .attempt = [agents, address, request = std::move(request)](absl::Duration timeout,
                                                                     const std::function<bool()>&) {
            v1::RunCheckRequest attempt = request;
            *attempt.mutable_timeout() = ToDuration(timeout);
            return Judge(agents->RunCheck(address, attempt));
          }};
}

class HostChecksImpl final : public HostChecks {
 public:
  HostChecksImpl(CheckCaller* agents, HttpClient* http, Clock* clock)
      : agents_(agents), http_(http), clock_(clock) {}

  absl::Status Run(const HostSpec& host, const AgentAddress& address,
                   v1::RunCheckRequest::Kind kind, absl::Duration within,
                   const std::function<bool()>& give_up, std::string* output,
                   const TriesSeen& seen) override {
    const bool health = kind == v1::RunCheckRequest::KIND_HEALTH;
    const ChecksSpec& specs = health ? host.health_checks : host.pre_deploy_checks;
    const std::string own_host = HostPart(address, host.name);
    std::vector<RepeatedCheck> checks;
    for (const HttpCheckSpec& spec : specs.http) checks.push_back(HttpCheck(http_, spec, own_host));
    for (const CmdCheckSpec& spec : specs.cmd) {
      checks.push_back(CmdCheck(agents_, spec, address, kind));
    }
    for (RepeatedCheck& check : checks) check.once = !health;
    return RunRepeatedly(checks, clock_, within, give_up, output, seen);
  }

 private:
  CheckCaller* const agents_;
  HttpClient* const http_;
  Clock* const clock_;
};

}  // namespace

std::unique_ptr<HostChecks> NewHostChecks(CheckCaller* agents, HttpClient* http, Clock* clock) {
  return std::make_unique<HostChecksImpl>(agents, http, clock);
}

}  // namespace gitops
