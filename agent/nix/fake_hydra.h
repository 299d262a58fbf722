#ifndef GITOPS_AGENT_NIX_FAKE_HYDRA_H_
#define GITOPS_AGENT_NIX_FAKE_HYDRA_H_

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "common/http/server.h"
#include "common/sync/mutex.h"

namespace gitops {

// A Hydra for tests, on a port of loopback, that answers as Hydra's code does: HTML unless JSON is
// accepted, `latest` by a redirect to the absolute URL of a build, numbers for booleans, more
// members than anybody needs. It has one jobset, "proj:main". Thread-safe.
class FakeHydra {
 public:
  struct Build {
    std::string job;
    std::string path;               // of the output "out"
    std::optional<int> status = 0;  // none: it is not finished
  };

  FakeHydra();

  const std::string& url() const { return url_; }
  std::string JobUri(const std::string& job) const { return url_ + "/job/proj/main/" + job; }

  // Adds an evaluation; a build with the path of an older one is that one. Returns its number: 1,
  // 2, …
  int64_t Evaluate(const std::vector<Build>& builds);
  // Ends a build, or changes how it ended. `id`: in the order in which they were added: 101, 102, …
  void Finish(int64_t id, int status);
  void SetErrors(const std::string& text);

  // From now on, only requests with this login are served.
  void RequireLogin(const std::string& user, const std::string& password);
  // The jobset had another name before: that one redirects.
  void RenamedFrom(const std::string& jobset);
  // Whatever is at `path` from now on.
  void Answer(const std::string& path, HttpServerResponse response);

  // Of the requests so far: their targets, and the number of their connections.
  std::vector<std::string> targets() const;
  int CountOf(const std::string& target) const;
  size_t connections() const;

 private:
  struct Stored {
    int64_t id;
    Build build;
    std::vector<int64_t> evaluations;
  };

  HttpServerResponse Serve(const HttpServerRequest& request) ABSL_LOCKS_EXCLUDED(mutex_);
  HttpServerResponse Page(const HttpServerRequest& request) const
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  HttpServerResponse Evaluations(const std::string& query) const
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  std::string ToJson(const Stored& stored) const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  mutable Mutex mutex_;
  std::map<int64_t, Stored> builds_ ABSL_GUARDED_BY(mutex_);
  std::map<int64_t, std::vector<int64_t>> evaluations_ ABSL_GUARDED_BY(mutex_);
  std::string errors_ ABSL_GUARDED_BY(mutex_);
  std::string authorization_ ABSL_GUARDED_BY(mutex_);
  std::string former_name_ ABSL_GUARDED_BY(mutex_);
  std::map<std::string, HttpServerResponse> answers_ ABSL_GUARDED_BY(mutex_);
  std::vector<std::string> targets_ ABSL_GUARDED_BY(mutex_);
  std::set<int> ports_ ABSL_GUARDED_BY(mutex_);
  std::string url_;  // set before the first request
  std::unique_ptr<HttpServer> server_;
};

}  // namespace gitops

#endif  // GITOPS_AGENT_NIX_FAKE_HYDRA_H_
