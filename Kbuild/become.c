// SPDX-License-Identifier: MIT
/*
 * $(become COMMAND,NAME...): an extension that GNU make loads. COMMAND, words
 * without quotes, takes the place of make itself, with the make variables NAME... in its
 * environment as they were typed, unexpanded.
 *
 * Why: whatever a recipe ends with, make ends with 2 and a line of its own, and
 * "make run" promises the status of the command that it ran.
 */
#include <gnumake.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

int plugin_is_GPL_compatible;

static void put_in_environment(const char *name)
{
	char expression[128];
	char *value;

	snprintf(expression, sizeof(expression), "$(value %s)", name);
	value = gmk_expand(expression);
	if (*value)
		setenv(name, value, 1);
	gmk_free(value);
}

static char *become(const char *function, unsigned int count, char **arguments)
{
	char *words[8];
	int used = 0;

	(void)function;
	(void)count;
	for (char *name = strtok(arguments[1], " \t"); name; name = strtok(NULL, " \t"))
		put_in_environment(name);
	for (char *word = strtok(arguments[0], " "); word && used < 7; word = strtok(NULL, " "))
		words[used++] = word;
	words[used] = NULL;
	execv(words[0], words);
	perror(words[0]);
	exit(125);
}

int become_gmk_setup(void)
{
	gmk_add_function("become", become, 2, 2, GMK_FUNC_DEFAULT);
	return 1;
}
