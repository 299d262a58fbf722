#include "common/metrics/process_metrics.h"

#include <fcntl.h>
#include <sys/resource.h>

#include <sstream>
#include <string>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "common/path/fd.h"
#include "gtest/gtest.h"

namespace gitops {
namespace {

double Value(const Metrics& metrics, const std::string& name) {
  std::istringstream lines(metrics.Text());
  double value = -1;
  for (std::string line; std::getline(lines, line);) {
    if (absl::StartsWith(line, name + " ")) {
      EXPECT_TRUE(absl::SimpleAtod(line.substr(name.size() + 1), &value)) << line;
    }
  }
  return value;
}

TEST(ProcessMetricsTest, TellsTheDescriptorsInUseAndTheirLimit) {
  Metrics metrics("test");
  AddProcessMetrics(metrics);
  const double before = Value(metrics, "process_open_fds");
  EXPECT_GE(before, 3);
  std::vector<Fd> more;
  for (int i = 0; i < 10; ++i) more.emplace_back(open("/dev/null", O_RDONLY));
  EXPECT_EQ(Value(metrics, "process_open_fds"), before + 10);
  rlimit limit{};
  ASSERT_EQ(getrlimit(RLIMIT_NOFILE, &limit), 0);
  EXPECT_EQ(Value(metrics, "process_max_fds"), static_cast<double>(limit.rlim_cur));
}

}  // namespace
}  // namespace gitops
