#ifndef GITOPS_SERVICES_PROMOTION_RECEIVER_OBSERVE_KUBECONFIG_FILE_H_
#define GITOPS_SERVICES_PROMOTION_RECEIVER_OBSERVE_KUBECONFIG_FILE_H_

#include <string>
#include <utility>

#include "absl/base/thread_annotations.h"
#include "absl/status/statusor.h"
#include "common/sync/mutex.h"
#include "services/promotion_receiver/observe/kubeconfig.h"

namespace gitops {

// A kubeconfig that may be replaced at any time. Thread-safe.
class KubeconfigFile {
 public:
  // `context` as in ParseKubeconfig.
  KubeconfigFile(std::string file, std::string context)
      : file_(std::move(file)), context_(std::move(context)) {}

  // What the file says. If it cannot be used as it is now, what it said before, and the log says
  // why; the error if it was never good. Costs one read of the file.
  absl::StatusOr<KubeAccess> Access();

 private:
  const std::string file_;
  const std::string context_;
  Mutex mutex_;
  std::string text_ ABSL_GUARDED_BY(mutex_);  // as it was read last
  absl::StatusOr<KubeAccess> access_ ABSL_GUARDED_BY(mutex_) = absl::UnknownError("not read yet");
  std::string error_ ABSL_GUARDED_BY(mutex_);  // of `text_`; empty: none
};

}  // namespace gitops

#endif  // GITOPS_SERVICES_PROMOTION_RECEIVER_OBSERVE_KUBECONFIG_FILE_H_
