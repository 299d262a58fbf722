#ifndef GITOPS_SERVICES_PROMOTION_RECEIVER_OBSERVE_FAKE_KUBERNETES_H_
#define GITOPS_SERVICES_PROMOTION_RECEIVER_OBSERVE_FAKE_KUBERNETES_H_

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "common/http/raw_server.h"
#include "common/sync/mutex.h"

namespace gitops {

// A server over TLS that speaks as much of the Kubernetes API as a client that reads Flux objects
// needs: it answers a path with the text that a test gives it, objects that there are not with
// NotFound, and paths that it does not serve with a plain 404. Thread-safe.
class FakeKubernetes {
 public:
  // Creates its certificates in `directory`.
  explicit FakeKubernetes(const std::string& directory);

  std::string url() const;
  // PEM files.
  const std::string& ca_file() const;
  const std::string& client_certificate() const;
  const std::string& client_key() const;

  // Serves the group of Flux's HelmRelease in these versions, the first of which is preferred;
  // none: not at all.
  void ServeHelm(const std::vector<std::string>& versions);
  // The JSON of an object at "/apis/…".
  void Put(const std::string& path, const std::string& json);
  void Remove(const std::string& path);
  // From now on at another url(): clients need a certificate of its authority.
  void RequireClientCertificate();
  // Requests need this bearer token; empty: none.
  void SetToken(const std::string& token);
  // The whole answer to any request from now on, bytes of HTTP; empty: as usual.
  void AnswerAll(const std::string& answer);
  // Reads requests and does not answer, until told otherwise.
  void Hang(bool hang = true);

  // The paths that were asked for, in order.
  std::vector<std::string> asked();

 private:
  void Start(const std::string& client_ca_file);
  void Serve(RawConnection& connection);
  // Whether it serves a path, or the kind and version of an object's path.
  bool Serves(const std::string& path) const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  struct Certificates;
  const std::shared_ptr<Certificates> certificates_;
  Mutex mutex_;
  std::map<std::string, std::string> objects_ ABSL_GUARDED_BY(mutex_);
  std::string token_ ABSL_GUARDED_BY(mutex_);
  std::string answer_all_ ABSL_GUARDED_BY(mutex_);
  bool hang_ ABSL_GUARDED_BY(mutex_) = false;
  std::vector<std::string> asked_ ABSL_GUARDED_BY(mutex_);
  std::unique_ptr<RawServer> server_;
};

}  // namespace gitops

#endif  // GITOPS_SERVICES_PROMOTION_RECEIVER_OBSERVE_FAKE_KUBERNETES_H_
