# SPDX-License-Identifier: MIT
# gnuplot -e "out='FOLDER'; base='6.12'": draws FOLDER/BASE.tsv, that compare wrote, as
# FOLDER/BASE-fork.svg: vfork, _exit and wait by descriptors in the table.
table = out.'/'.base.'.tsv'
set terminal svg size 800,500 font 'sans,13' background 'white'
set output out.'/'.base.'-fork.svg'
set datafile separator "\t"
set title 'vfork, \_exit and wait, Linux '.base
set xlabel 'descriptors of the parent'
set ylabel 'instructions'
set logscale xy
set format x '10^{%L}'
set format y '10^{%L}'
set grid
set key left top

# The rows that are named vfork, N and the rest, as N and the column
rows(rest, column) = sprintf("< awk -F'\\t' -v OFS='\\t' '$1 ~ /^vfork, [0-9]+%s$/ { split($1, w, /[ ,]+/); print w[2], $%d }' %s", rest, column, table)

plot rows('', 2) with linespoints lw 2 pt 4 title 'stock', \
	rows('', 3) with linespoints lw 2 pt 1 title 'patched, unmarked', \
	rows(' every second marked', 3) with linespoints lw 2 pt 2 title 'patched, every second marked', \
	rows(' marked', 3) with linespoints lw 2 pt 7 title 'patched, all marked'
