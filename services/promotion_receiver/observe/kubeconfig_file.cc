#include "services/promotion_receiver/observe/kubeconfig_file.h"

#include "common/config/toml.h"
#include "common/log/log.h"

namespace gitops {

absl::StatusOr<KubeAccess> KubeconfigFile::Access() {
  const absl::StatusOr<std::string> text = ReadConfigText(file_);
  MutexLock lock(mutex_);
  if (text.ok() && *text == text_ && error_.empty()) return access_;
  absl::StatusOr<KubeAccess> access =
      text.ok() ? ParseKubeconfig(*text, file_, context_) : text.status();
  if (text.ok()) text_ = *text;
  const std::string error(access.status().message());
  const bool is_new = error != error_;
  error_ = error;
  if (access.ok() || !access_.ok()) {
    access_ = std::move(access);
  } else if (is_new) {
    LogError("the kubeconfig cannot be used; the one that was read before stays in use",
             {{"error", error}});
  }
  return access_;
}

}  // namespace gitops
