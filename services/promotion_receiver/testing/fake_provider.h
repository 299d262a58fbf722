#ifndef GITOPS_SERVICES_PROMOTION_RECEIVER_TESTING_FAKE_PROVIDER_H_
#define GITOPS_SERVICES_PROMOTION_RECEIVER_TESTING_FAKE_PROVIDER_H_

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "common/git/test_repository.h"
#include "common/http/server.h"
#include "common/process/process.h"
#include "common/sync/mutex.h"
#include "services/promotion_receiver/provider/repository_url.h"

namespace gitops {

// For tests: a provider with one repository, which is a real one behind `git http-backend`, and the
// part of its documented API that is about pull requests. Both want the token "the-token".
class FakeProvider {
 public:
  // `directory` is empty, and outlives it.
  FakeProvider(Provider provider, const std::string& directory);

  // As a pipeline names it.
  std::string url() const;
  const TestRepository& repository() const { return repository_; }

  struct Request {
    std::string id, title, branch, base, description;
    std::string state = "open";  // or "merged", "closed"
    int version = 0;             // Bitbucket Server
    std::vector<std::string> reviewers;
    bool from_fork = false;
  };
  std::vector<Request> requests() const;
  // Adds one, or replaces the one with its id. Returns the id.
  std::string Put(Request request);

  // "GET /api/v3/repos/…" of the API, and "git-receive-pack" and so on of git, in order.
  std::vector<std::string> calls() const;
  int CountCalls(const std::string& part) const;

  // Is asked before each call of the API (or, with `git`, of git); an answer replaces the
  // provider's.
  using Fault = std::function<std::optional<HttpServerResponse>(const HttpServerRequest&)>;
  void SetFault(Fault fault, bool git = false);

 private:
  HttpServerResponse Answer(const HttpServerRequest& request);
  HttpServerResponse AnswerGit(const HttpServerRequest& request);
  HttpServerResponse AnswerApi(const HttpServerRequest& request);
  HttpServerResponse List(const HttpServerRequest& request);
  HttpServerResponse Create(const HttpServerRequest& request);
  HttpServerResponse Update(const std::string& id, const HttpServerRequest& request);
  bool MayCall(const HttpServerRequest& request) const;
  HttpServerResponse Unauthorized() const;

  const Provider provider_;
  const TestRepository repository_;
  const std::unique_ptr<ProcessRunner> runner_;

  mutable Mutex mutex_;
  std::vector<Request> requests_ ABSL_GUARDED_BY(mutex_);
  std::vector<std::string> calls_ ABSL_GUARDED_BY(mutex_);
  Fault api_fault_ ABSL_GUARDED_BY(mutex_), git_fault_ ABSL_GUARDED_BY(mutex_);
  std::unique_ptr<HttpServer> server_;
};

}  // namespace gitops

#endif  // GITOPS_SERVICES_PROMOTION_RECEIVER_TESTING_FAKE_PROVIDER_H_
