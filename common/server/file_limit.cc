#include "common/server/file_limit.h"

#include <sys/resource.h>

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "common/log/log.h"

namespace gitops {

void RaiseFileLimit(int64_t wanted, absl::string_view what) {
  const auto files = static_cast<rlim_t>(wanted);
  rlimit limit{};
  if (getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur >= files) return;
  limit.rlim_cur = std::min(limit.rlim_max, files);
  if (setrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur < files) {
    LogWarning(absl::StrCat("the limit of open files is lower than many ", what, " would need"),
               {{"limit", absl::StrCat(limit.rlim_cur)}, {"wanted", absl::StrCat(files)}});
  }
}

}  // namespace gitops
