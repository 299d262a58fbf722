#include "agent/nix/hydra.h"

#include <algorithm>
#include <optional>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "common/git/netrc.h"
#include "common/git/url.h"
#include "common/path/read_file.h"
#include "common/rpc/state_reason.h"

namespace gitops {
namespace {

constexpr int kMaxRedirects = 5;
constexpr size_t kMaxNetrc = 1 << 20;

// An error of Get or of a reader, about `url`.
absl::Status About(const std::string& url, const absl::Status& status) {
  return absl::Status(status.code(), absl::StrCat("GET ", RedactUrl(url), ": ", status.message()));
}

absl::Status StatusOf(const HttpResponse& response) {
  const std::string said = ReadErrorAnswer(response.body);
  const std::string text =
      absl::StrCat("it answered ", response.status, said.empty() ? "" : ": ", said);
  switch (response.status) {
    case 401:
      return WithStateReason(StateReason::kAuthentication,
                             absl::UnauthenticatedError(absl::StrCat(
                                 text, "; put the user and password into netrc_file")));
    case 403:
      return WithStateReason(StateReason::kAuthentication, absl::PermissionDeniedError(text));
    case 404:
      return absl::NotFoundError(text);
    default:
      return WithStateReason(StateReason::kUpstreamUnreachable, absl::UnavailableError(text));
  }
}

bool HasControl(absl::string_view text) {
  return std::any_of(text.begin(), text.end(),
                     [](unsigned char c) { return absl::ascii_iscntrl(c); });
}

std::string JobsetUrl(const HydraJob& job, absl::string_view what) {
  return absl::StrCat(job.base, "/jobset/", job.project, "/", job.jobset, "/", what);
}

template <typename Value>
absl::StatusOr<Value> Named(const std::string& url, absl::StatusOr<Value> value) {
  if (value.ok()) return value;
  return About(url, value.status());
}

}  // namespace

absl::StatusOr<HydraJob> ParseJobUri(absl::string_view job_uri) {
  while (absl::ConsumeSuffix(&job_uri, "/")) {
  }
  const std::vector<std::string> parts = absl::StrSplit(job_uri, '/');
  const size_t size = parts.size();
  const bool right = size >= 7 && parts[size - 4] == "job" && !parts[size - 3].empty() &&
                     !parts[size - 2].empty() && !parts[size - 1].empty() &&
                     !absl::StrContains(job_uri, '?') && !absl::StrContains(job_uri, '#');
  if (!right) {
    return absl::InvalidArgumentError(absl::StrCat("job_uri \"", RedactUrl(job_uri),
                                                   "\" does not name a job; write it as "
                                                   "https://hydra.example/job/PROJECT/JOBSET/JOB"));
  }
  const size_t rest = parts[size - 3].size() + parts[size - 2].size() + parts[size - 1].size() + 7;
  return HydraJob{std::string(job_uri.substr(0, job_uri.size() - rest)), parts[size - 3],
                  parts[size - 2], parts[size - 1]};
}

absl::StatusOr<HydraBuild> Hydra::Latest(const std::string& job_uri, std::stop_token stop) const {
  const std::string url = absl::StrCat(absl::StripSuffix(job_uri, "/"), "/latest");
  const absl::StatusOr<std::string> body = Get(url, kMaxBuild, options_.timeout, stop);
  if (!body.ok()) return body.status();
  return Named(url, ReadBuild(*body));
}

absl::StatusOr<HydraBuild> Hydra::Build(const std::string& base, int64_t id,
                                        std::stop_token stop) const {
  const std::string url = absl::StrCat(base, "/build/", id);
  const absl::StatusOr<std::string> body = Get(url, kMaxBuild, options_.timeout, stop);
  if (!body.ok()) return body.status();
  return Named(url, ReadBuild(*body));
}

absl::StatusOr<HydraBuild> Hydra::BuildOf(const std::string& base, int64_t evaluation,
                                          const std::string& job, std::stop_token stop) const {
  const std::string url = absl::StrCat(base, "/eval/", evaluation, "/job/", job);
  const absl::StatusOr<std::string> body = Get(url, kMaxBuild, options_.timeout, stop);
  if (!body.ok()) return body.status();
  return Named(url, ReadBuild(*body));
}

absl::StatusOr<std::vector<HydraBuild>> Hydra::Builds(const std::string& base, int64_t evaluation,
                                                      std::stop_token stop) const {
  const std::string url = absl::StrCat(base, "/eval/", evaluation, "/builds");
  const absl::StatusOr<std::string> body = Get(url, kMaxEvaluation, 5 * options_.timeout, stop);
  if (!body.ok()) return body.status();
  return Named(url, ReadBuilds(*body));
}

absl::StatusOr<HydraEvaluations> Hydra::Evaluations(const HydraJob& job, const std::string& page,
                                                    std::stop_token stop) const {
  // Only a query of the same list is followed.
  if (!page.empty() && !absl::StartsWith(page, "?")) {
    return absl::DataLossError(absl::StrCat("GET ", RedactUrl(JobsetUrl(job, "evals")),
                                            ": the next page is no query of this one"));
  }
  const std::string url = absl::StrCat(JobsetUrl(job, "evals"), page);
  const absl::StatusOr<std::string> body = Get(url, kMaxEvaluationPage, options_.timeout, stop);
  if (!body.ok()) return body.status();
  return Named(url, ReadEvaluations(*body));
}

absl::StatusOr<std::string> Hydra::Errors(const HydraJob& job, std::stop_token stop) const {
  const std::string url = JobsetUrl(job, "errors");
  const absl::StatusOr<std::string> body = Get(url, kMaxErrors, options_.timeout, stop);
  if (!body.ok()) return body.status();
  return Named(url, ReadErrors(*body));
}

absl::StatusOr<std::string> Hydra::Get(const std::string& url, int64_t max_body,
                                       absl::Duration timeout, const std::stop_token& stop) const {
  HttpRequest request;
  request.url = url;
  // Without it, Hydra sends HTML.
  request.headers = {{"Accept", "application/json"}};
  request.max_redirects = kMaxRedirects;
  request.reuse_connection = true;
  request.timeout = timeout;
  request.max_body = max_body;
  request.give_up = [&stop] { return stop.stop_requested(); };
  if (absl::Status status = AddLogin(request); !status.ok()) return status;
  absl::StatusOr<HttpResponse> response = options_.http->Do(request);
  if (absl::IsAborted(response.status())) {
    return WithStateReason(StateReason::kUpstreamUnreachable,
                           absl::UnavailableError(response.status().message()));
  }
  if (!response.ok()) {
    const bool lost =
        absl::IsUnavailable(response.status()) || absl::IsDeadlineExceeded(response.status());
    return lost ? WithStateReason(StateReason::kUpstreamUnreachable, response.status())
                : response.status();
  }
  if (response->status != 200) {
    const absl::Status status = StatusOf(*response);
    return WithStateReason(StateReasonOf(status), About(url, status));
  }
  return std::move(response->body);
}

absl::Status Hydra::AddLogin(HttpRequest& request) const {
  const absl::StatusOr<GitUrl> url = ParseGitUrl(request.url);
  if (!url.ok()) return url.status();
  if (!url->password.empty()) return absl::OkStatus();
  const std::string file =
      options_.netrc_file.empty() ? std::string(kDefaultNetrc) : options_.netrc_file;
  const absl::StatusOr<std::string> netrc = ReadWholeFile(file, kMaxNetrc);
  if (options_.netrc_file.empty() && absl::IsNotFound(netrc.status())) return absl::OkStatus();
  if (!netrc.ok()) {
    return WithStateReason(
        StateReason::kAuthentication,
        absl::FailedPreconditionError(absl::StrCat("netrc_file: ", netrc.status().message())));
  }
  const std::optional<Login> login = LoginIn(*netrc, url->host, url->user);
  if (!login.has_value()) return absl::OkStatus();
  if (HasControl(login->user) || HasControl(login->password)) {
    return WithStateReason(StateReason::kAuthentication, absl::FailedPreconditionError(absl::StrCat(
                                                             file, ": the login for ", url->host,
                                                             " contains a control character")));
  }
  request.user = login->user;
  request.password = Secret(login->password);
  return absl::OkStatus();
}

}  // namespace gitops
