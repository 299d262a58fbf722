#ifndef GITOPS_CTL_OUTPUT_RENDERER_H_
#define GITOPS_CTL_OUTPUT_RENDERER_H_

#include <functional>
#include <memory>
#include <ostream>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "ctl/cli/invocation.h"
#include "ctl/output/columns.h"
#include "gitops/v1/agent.pb.h"

namespace gitops::ctl {

struct TerminalSize {
  int rows = 0;
  int columns = 0;

  bool operator==(const TerminalSize&) const = default;
};

struct RenderOptions {
  OutputForm form = OutputForm::kTable;
  bool color = false;
  // Whether output goes to a terminal that can redraw: a watched table is then redrawn in place.
  bool terminal = false;
  std::function<TerminalSize()> size;
  // As in TableStyle.
  std::vector<std::string> columns = {};
  std::string sort = "";
  bool headers = true;
  std::function<absl::Time()> now = absl::Now;
};

// How a table that is printed now looks. On a terminal, those of the form `table` fit its width.
TableStyle StyleOf(const RenderOptions& options);

// Prints results in one of the output forms. Every method writes and flushes its argument, and
// returns INTERNAL if this form cannot represent it. Not thread-safe.
class Renderer {
 public:
  virtual ~Renderer() = default;

  virtual absl::Status Machines(const std::vector<v1::Machine>& machines) = 0;
  virtual absl::Status Services(const std::vector<v1::Service>& services) = 0;
  // All details of one service.
  virtual absl::Status Service(const v1::Service& service) = 0;
  // The changes of one service, newest first.
  virtual absl::Status History(const std::vector<v1::Change>& changes) = 0;
  // A service after a change; `sentence` describes the result.
  virtual absl::Status Outcome(const v1::Service& service, absl::string_view sentence) = 0;
  virtual absl::Status Differences(const v1::DiffServiceResponse& response) = 0;
  // The services that `check` found to be degraded; may be empty.
  virtual absl::Status Degraded(const std::vector<v1::Service>& services) = 0;
  // One update of a watch.
  virtual absl::Status Update(const v1::WatchServicesResponse& update) = 0;
  // The watch was lost, and begins anew.
  virtual void RestartWatch() {}
  virtual absl::Status Version(absl::string_view version) = 0;
};

// `out` must outlive the renderer.
std::unique_ptr<Renderer> MakeRenderer(const RenderOptions& options, std::ostream& out);

}  // namespace gitops::ctl

#endif  // GITOPS_CTL_OUTPUT_RENDERER_H_
