#ifndef GITOPS_CTL_OUTPUT_WATCH_TABLE_H_
#define GITOPS_CTL_OUTPUT_WATCH_TABLE_H_

#include <map>
#include <ostream>
#include <string>

#include "ctl/output/renderer.h"
#include "ctl/output/table.h"
#include "gitops/v1/agent.pb.h"

namespace gitops::ctl {

// A table of services that follows a watch: on a terminal it is redrawn in place as long as it fits
// the screen, elsewhere each change is one more line.
class WatchTable {
 public:
  // `out` must outlive this.
  WatchTable(const RenderOptions& options, std::ostream& out) : options_(options), out_(out) {}

  void Update(const v1::WatchServicesResponse& update);

 private:
  void Apply(const v1::WatchServicesResponse& update);
  void PrintLine(const v1::WatchServicesResponse& update);
  bool Redraw();
  Row RowOf(const v1::Service& service) const;

  const RenderOptions options_;
  std::ostream& out_;
  std::map<std::string, v1::Service> services_;
  Table table_;
  bool started_ = false;
  // Lines on the screen that the next redraw replaces.
  size_t drawn_lines_ = 0;
};

}  // namespace gitops::ctl

#endif  // GITOPS_CTL_OUTPUT_WATCH_TABLE_H_
