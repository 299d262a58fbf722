#ifndef GITOPS_AGENT_NIX_HYDRA_H_
#define GITOPS_AGENT_NIX_HYDRA_H_

#include <cstdint>
#include <stop_token>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "agent/nix/hydra_json.h"
#include "common/http/client.h"

namespace gitops {

// The parts of a job's URL, BASE/job/PROJECT/JOBSET/JOB. `base` may contain a login, so it is
// secret; the others are as they stand in the URL.
struct HydraJob {
  std::string base, project, jobset, job;

  bool operator==(const HydraJob&) const = default;
};
// INVALID_ARGUMENT: it has another form; the message says which is needed, with the URL redacted.
absl::StatusOr<HydraJob> ParseJobUri(absl::string_view job_uri);

// Hydra's API, as far as it is needed to find out what a host should run. Every call sends one
// request, with `Accept: application/json` on its redirects too, and the login that the URL or the
// netrc file has for the URL's host; connections are kept and shared. Thread-safe.
//
// Errors of all calls, which name the URL without its login: NOT_FOUND: Hydra has no such thing
// (yet), and what it says; UNAVAILABLE: no answer, or 429 or 5xx; DEADLINE_EXCEEDED;
// UNAUTHENTICATED, PERMISSION_DENIED: 401, 403; FAILED_PRECONDITION: the netrc file cannot be read,
// or a redirect is not followed; RESOURCE_EXHAUSTED: the answer is larger than is allowed for its
// kind; DATA_LOSS: the answer is not what Hydra sends (HTML, cut JSON); CANCELLED: `stop` was
// requested.
class Hydra {
 public:
  struct Options {
    HttpClient* http = nullptr;  // not owned
    // Read for each request, so that a changed login is used. Empty: kDefaultNetrc, if it exists.
    std::string netrc_file;
    absl::Duration timeout = absl::Seconds(30);  // of a request; of a list of builds, 5 times that
  };
  static constexpr absl::string_view kDefaultNetrc = "/etc/netrc";
  // Bytes of answers.
  static constexpr int64_t kMaxBuild = 1 << 20;
  static constexpr int64_t kMaxEvaluationPage = 16 << 20;
  static constexpr int64_t kMaxEvaluation = 64 << 20;
  static constexpr int64_t kMaxErrors = 16 << 20;

  explicit Hydra(Options options) : options_(std::move(options)) {}

  // The newest successful build of a job. NOT_FOUND: there is none yet, or no such job.
  absl::StatusOr<HydraBuild> Latest(const std::string& job_uri, std::stop_token stop) const;

  absl::StatusOr<HydraBuild> Build(const std::string& base, int64_t id, std::stop_token stop) const;

  // The build of `job` in an evaluation.
  absl::StatusOr<HydraBuild> BuildOf(const std::string& base, int64_t evaluation,
                                     const std::string& job, std::stop_token stop) const;

  // All builds of an evaluation.
  absl::StatusOr<std::vector<HydraBuild>> Builds(const std::string& base, int64_t evaluation,
                                                 std::stop_token stop) const;

  // A page of the evaluations of the job's jobset. `page`: HydraEvaluations::next of the page
  // before; empty: the first one.
  absl::StatusOr<HydraEvaluations> Evaluations(const HydraJob& job, const std::string& page,
                                               std::stop_token stop) const;

  // The first line of the errors of the jobset's last evaluation; empty: there were none.
  absl::StatusOr<std::string> Errors(const HydraJob& job, std::stop_token stop) const;

 private:
  absl::StatusOr<std::string> Get(const std::string& url, int64_t max_body, absl::Duration timeout,
                                  const std::stop_token& stop) const;
  absl::Status AddLogin(HttpRequest& request) const;

  const Options options_;
};

}  // namespace gitops

#endif  // GITOPS_AGENT_NIX_HYDRA_H_
