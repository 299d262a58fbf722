#include "common/metrics/process_metrics.h"

#include <fcntl.h>
#include <sys/resource.h>

#include <string>
#include <vector>

#include "common/path/directory_names.h"
#include "common/path/fd.h"

namespace gitops {
namespace {

using prometheus::MetricFamily;

void Add(std::string name, std::string help, double value, std::vector<MetricFamily>& families) {
  MetricFamily& family = families.emplace_back();
  family.name = std::move(name);
  family.help = std::move(help);
  family.type = prometheus::MetricType::Gauge;
  family.metric.emplace_back().gauge.value = value;
}

// A value that cannot be read is left out.
std::vector<MetricFamily> Collect() {
  std::vector<MetricFamily> families;
  const Fd directory(open("/proc/self/fd", O_PATH | O_DIRECTORY | O_CLOEXEC));
  if (directory) {
    if (const auto names = DirectoryNames(directory.get()); names.ok()) {
      // Without this one, and the one that was open for listing.
      Add("process_open_fds", "Open file descriptors of this process.",
          static_cast<double>(names->size()) - 2, families);
    }
  }
  rlimit limit{};
  if (getrlimit(RLIMIT_NOFILE, &limit) == 0) {
    Add("process_max_fds", "The limit of open file descriptors of this process.",
        static_cast<double>(limit.rlim_cur), families);
  }
  return families;
}

}  // namespace

void AddProcessMetrics(Metrics& metrics) { metrics.AddCollector(Collect); }

}  // namespace gitops
