#include "common/server/program.h"

#include <iostream>

#include "common/memory/memory.h"
#include "common/server/lifecycle.h"
#include "common/server/signals.h"
#include "common/server/version.h"

namespace gitops {

int RunServerProgram(const ServerProgram& program, const std::vector<std::string>& arguments,
                     const std::function<int(const Settings& flags)>& run) {
  LimitHeaps();
  BlockSignals();
  const auto flags = ReadFlags(program.settings, arguments, ProcessEnvironment);
  if (!flags.ok()) return ReportFailure(program.name, flags.status());
  if (flags->GetBool("help")) {
    std::cout << UsageText(program.usage, program.settings);
    return 0;
  }
  if (flags->GetBool("version")) {
    std::cout << program.name << " " << Version() << "\n";
    return 0;
  }
  return run(*flags);
}

}  // namespace gitops
