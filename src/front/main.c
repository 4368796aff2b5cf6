/* The command. The first interrupt asks the run to end with the best point so far, the second one kills. */
#include <talweg/front.h>

#include <signal.h>
#include <string.h>
#include <unistd.h>

static volatile sig_atomic_t stop;
_Static_assert(_Generic((sig_atomic_t)0, int : 1, default : 0), "tw_console.stop is an int");

static void ask_to_stop(int signal_number) {
  (void)signal_number;
  stop = 1;
}

int main(int argc, char **argv) {
  struct sigaction action;
  memset(&action, 0, sizeof action);
  action.sa_handler = ask_to_stop;
  action.sa_flags = SA_RESTART;
  action.sa_flags |= (int)SA_RESETHAND;
  sigaction(SIGINT, &action, NULL);
  sigaction(SIGTERM, &action, NULL);
  signal(SIGPIPE, SIG_IGN); /* a closed pipe is a failed write */
  const tw_console console = {
      .out = stdout, .err = stderr, .live = isatty(STDERR_FILENO) != 0, .stop = &stop};
  return tw_command_on(argc, argv, &console);
}
