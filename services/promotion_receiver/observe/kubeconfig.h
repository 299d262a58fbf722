#ifndef GITOPS_SERVICES_PROMOTION_RECEIVER_OBSERVE_KUBECONFIG_H_
#define GITOPS_SERVICES_PROMOTION_RECEIVER_OBSERVE_KUBECONFIG_H_

#include <optional>
#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "common/log/secret.h"

namespace gitops {

// A PEM file, or its content. Both empty: none.
struct PemSource {
  std::string file;  // absolute
  Secret data;       // takes precedence
};

// How to reach a Kubernetes API and to authenticate there.
struct KubeAccess {
  std::string server;  // an http:// or https:// URL without a '/' at its end
  PemSource authority, certificate, key;
  bool insecure_ssl = false;
  Secret token;
  std::string token_file;  // absolute; takes precedence over `token`
};

// A kubeconfig, in `context` (empty: its current-context). `file` is for messages and the base of
// relative paths. INVALID_ARGUMENT: FILE:LINE, what is wrong, and for ways to authenticate that are
// not supported (exec, auth-provider, a user's password) what to use instead. Never a secret.
absl::StatusOr<KubeAccess> ParseKubeconfig(absl::string_view text, const std::string& file,
                                           const std::string& context);

// Only checks it.
inline absl::Status CheckKubeconfig(absl::string_view text, const std::string& file,
                                    const std::string& context) {
  return ParseKubeconfig(text, file, context).status();
}

// The access of a pod's service account. None: this process does not run in a pod. `directory`:
// where Kubernetes mounts the account, for tests.
std::optional<KubeAccess> PodAccess(
    const std::string& directory = "/var/run/secrets/kubernetes.io/serviceaccount");

}  // namespace gitops

#endif  // GITOPS_SERVICES_PROMOTION_RECEIVER_OBSERVE_KUBECONFIG_H_
