#!/usr/bin/python3
"""Small files of every format that Weft reads, one directory for each fuzz target: tests/fuzz/seeds.py DIRECTORY

libFuzzer begins with them. They are made, not kept, because that takes a second and they say here what they are. A target with
several files or choices takes them from the front of its input: fuzz_<target>.c has the order, fuzz.h how a part is written.
"""

import gzip
import io
import os
import struct
import sys
import zipfile

import h5py
import numpy as np


def put(directory, target, name, data):
    path = os.path.join(directory, target)
    os.makedirs(path, exist_ok=True)
    with open(os.path.join(path, name), 'wb') as file:
        file.write(data)


def part(data):
    return struct.pack('<H', len(data)) + data


def idx(*dims, rank=None):
    count = int(np.prod(dims))
    return struct.pack('>BBBB', 0, 0, 8, rank or len(dims)) + struct.pack(f'>{len(dims)}I', *dims) + bytes(range(count))


def seeds_idx(d):
    images, labels = idx(2, 2, 3), idx(2)
    for name, packed, target in (('plain', 0, 0), ('packed', 15, 0), ('unlabelled', 1, 3)):
        choices = bytes([packed, 15, target])
        put(d, 'idx', name, choices + part(labels) + part(images) + part(labels) + images)
    put(d, 'idx', 'rank2', bytes([0, 9, 0]) + part(labels) + part(b'') + part(b'') + idx(2, 5))
    put(d, 'idx', 'gzip', bytes([0, 9, 0]) + part(gzip.compress(labels)) + part(b'') + part(b'') + gzip.compress(images))
    members = gzip.compress(images[:9]) + gzip.compress(images[9:])
    put(d, 'idx', 'members', bytes([0, 9, 0]) + part(labels) + part(b'') + part(b'') + members)


def seeds_cifar(d):
    records = bytes([1, 3, 0, 1, 9, 0])                                   # a file of 3 records, their labels, no tail
    two = bytes([2, 3, 0, 1, 19, 99, 2, 3, 0])                            # packed, two bytes of label
    put(d, 'cifar', 'ten', bytes([0, 0]) + records + records)
    put(d, 'cifar', 'names', bytes([0, 0]) + records + records + b'\n'.join(b'name%d' % i for i in range(10)))
    put(d, 'cifar', 'batches', bytes([1, 0]) + records + bytes([0]))
    put(d, 'cifar', 'hundred', bytes([2, 0]) + two + two)
    put(d, 'cifar', 'coarse', bytes([3, 3]) + two + bytes([0]) + b'\n'.join(b'c%d' % i for i in range(20)))
    put(d, 'cifar', 'block', bytes([0, 0, 1, 65]) + bytes(65) + bytes([0, 0]))
    put(d, 'cifar', 'cut', bytes([0, 0, 1, 1, 5, 200, 3]) + part(b'any bytes'))
    put(d, 'cifar', 'gzip', bytes([0, 0, 3]) + part(gzip.compress(bytes(3073))) + bytes([0]))


CSV = {
    'plain': b'a,b,label\n1,2,x\n3,4.5e-1,y\n',
    'numbers': b'1;2;0\r\n3;;1\r\n-4;nan;0\r\n',
    'quoted': b'"a","b ""c"""\n"1\n",2\n " 3 " , "x"\n',
    'tab': b'\xef\xbb\xbfa\tb\tc\n1\t2\t3\n\n4\t5\t6',
    'space': b'  1 2   3\n4 5 6  \n',
    'several': b'a,b,c,d\n1,0,1,2\n0,1,3,1e38\n',
    'words': b'1|2|\xc3\xa9\n3|4|b\n5|6|01\n7|8|1.0\n',
    'odd': b'a,b\n1,1e39\n',
}

LIBSVM = {
    'plain': b'1 1:0.5 3:2\n-1 2:1e-3\n',
    'zero': b'0 0:1 2:-3 # comment\n\n1 1:nan\n',
    'scores': b'1,2 1:1\n3 2:4\n 1:2\n',
    'query': b'2.5 qid:3 1:1 2:2\n1 qid:4 2:0\n',
    'many': b'0 1:1 4294967294:1\n',
    'bare': b'1:2 2:3\n2:5\n',
}


def seeds_text(d):
    for target, texts in (('csv', CSV), ('libsvm', LIBSVM)):
        for number, (name, text) in enumerate(texts.items()):
            for kind in range(4):                                         # class, scores, values, nothing
                put(d, target, f'{name}-{kind}', bytes([0, kind, 0, 2 * (number % 2)]) + text)
        put(d, target, 'gzip', bytes(4) + gzip.compress(next(iter(texts.values()))))
    for option in range(11):
        put(d, 'csv', f'option-{option}', bytes([option, option % 4, 0, 1]) + CSV['several'])
    for option in range(3):
        put(d, 'libsvm', f'option-{option}', bytes([option, 0, 4, 1]) + LIBSVM['plain'])


def npy(array, version=None):
    file = io.BytesIO()
    np.lib.format.write_array(file, array, version=version)
    return file.getvalue()


X, Y = np.arange(12, dtype='f4').reshape(3, 4), np.array([0, 1, 2])


def seeds_npy(d):
    arrays = {
        'float': (npy(X), npy(Y)), 'half': (npy(X.astype('>f2')), npy(Y.astype('u1'))),
        'double': (npy(X.astype('f8'), (2, 0)), npy(Y.astype('>i2').reshape(3, 1))),
        'bytes': (npy(X.astype('u1').reshape(3, 1, 2, 2)), npy(Y.astype('>u4'), (3, 0))),
        'fortran': (npy(np.asfortranarray(X.astype('i2').reshape(3, 2, 2))), npy(np.eye(3, dtype='f4'))),
        'truth': (npy(X > 2), npy(np.asfortranarray(np.eye(3)[:, :2]))), 'empty': (npy(X[:0]), npy(Y[:0])),
    }
    for number, (name, (x, y)) in enumerate(arrays.items()):
        put(d, 'npy', name, bytes([number % 8, 0, number % 4, 0, 0]) + part(y) + part(x) + x)
        put(d, 'npy', name + '-packed', bytes([7, 2, (number + 1) % 4, 0, 0]) + part(y) + part(x) + x)
        put(d, 'npy', name + '-long', bytes([4, 3, 3, 0, 7]) + part(b'') + part(b'') + x)
        put(d, 'npy', name + '-gzip', bytes([0, 0, 3, 0, number]) + part(y) + part(x) + gzip.compress(x))
        for method, stored in ((zipfile.ZIP_STORED, 'stored'), (zipfile.ZIP_DEFLATED, 'deflated')):
            file = io.BytesIO()
            with zipfile.ZipFile(file, 'w', method) as archive:
                archive.writestr('X.npy', x)
                archive.writestr('y.npy', y)
            put(d, 'npz', f'{name}-{stored}', bytes([number % 4]) + file.getvalue())
    put(d, 'npz', 'single', bytes([3]) + npy(X))


INI = '''[data]
source = digits:?train=100&test=10  ; a comment
scaling = standardize
[network]
hidden = 20, 7,
  5
activation = relu
dropout = 0.1, 0, 0
[optimizer]
name = adam
learning_rate = 1e-3
[schedule]
name = cosine
[train]
epochs = 2
evaluate_every = 100 steps
seed = 7
[checkpoint]
every = 30 s
[run]
threads = 2
'''

SWEEP = '''[sweep]
seeds = 1, 2, 5
optimizer.learning_rate = 0.1 | 0.01
optimizer.name = sgd | adam
[sweep wide]
network.hidden = 100
[sweep narrow]
network.hidden = 5
train.batch_size = 32
'''


def seeds_ini(d):
    for name, text in (('settings', INI), ('sweep', INI + SWEEP), ('bare', SWEEP), ('mark', '\ufeff' + INI), ('crlf', INI.replace('\n', '\r\n')),
                       ('broken', '[data\nsource\n= x\n')):
        put(d, 'ini', name, text.encode())
    put(d, 'ini', 'long', ('[data]\nsource = csv:' + 'a' * 140 + '\n ' + 'b;# ' * 40 + '\n').encode())


def seeds_uri(d):
    for number, text in enumerate(('digits:', 'digits:?train=100&label=a%2Cb&drop=%41', 'csv:a/b.csv?label=1,2', 'idx:dir?train=0', 'x.npz',
                                   'a.csv.gz?x', 'hdf5:f.h5?train=18446744073709551616', 'csv:?label=%00&train=1&train=2')):
        put(d, 'uri', str(number), text.encode())


def seeds_seal(d):
    magic = bytes([0x89]) + b'WEFT\r\n\x1a'
    for content, version, length in ((b'', 1, 0), (b'x' * 16, 1, 16), (b'x' * 16, 2, 16), (b'x' * 16, 1, 99)):
        seal = magic + struct.pack('<IIQ', version, 0, length) + bytes(40)
        put(d, 'seal', f'{len(content)}-{version}-{length}', content + seal)


def hdf5(write, **how):
    file = io.BytesIO()
    with h5py.File(file, 'w', **how) as f:
        write(f)
    return file.getvalue()


def arrays(x=X, y=Y, **how):
    def write(f):
        f.create_dataset('X', data=x, **how)
        f.create_dataset('y', data=y)
    return write


def hostile(f):
    f['X'] = h5py.SoftLink('/y')
    f['data'] = h5py.ExternalLink('other.h5', '/X')
    layout = h5py.VirtualLayout(shape=(3, 4), dtype='f4')
    layout[:] = h5py.VirtualSource('other.h5', 'X', shape=(3, 4))
    f.create_virtual_dataset('images', layout)
    f['labels'] = Y


def compact(f):
    for name, array in (('X', X), ('y', Y)):
        plan = h5py.h5p.create(h5py.h5p.DATASET_CREATE)
        plan.set_layout(h5py.h5d.COMPACT)
        space = h5py.h5s.create_simple(array.shape)
        h5py.h5d.create(f.id, name.encode(), h5py.h5t.py_create(array.dtype), space, plan).write(space, space, array)


def named(f):
    arrays(X.astype('u1').reshape(3, 2, 2))(f)
    f['class_names'] = np.array([b'a', b'bc', b'd'])
    f['group/inner'] = X
    f['words'] = np.array(['of any length'], dtype=h5py.string_dtype())


def checkpoint(f):
    f.attrs['format'] = np.bytes_('weft')
    f.attrs['format_version'] = np.int64(1)
    f.attrs['note'] = 'of any length'
    f.attrs['ratio'] = 0.5
    group = f.create_group('layers', track_order=True)
    group.attrs['count'] = np.int64(1)
    weight = group.create_dataset('01/weight', data=X)
    weight.attrs['mean'] = 1.5
    group.create_dataset('01/bias', data=np.zeros(4, 'f8'))
    group['step'] = np.int64(7)
    picture = f.create_dataset('pictures/one', data=np.zeros((3, 2), 'u1'))
    picture.attrs['CLASS'] = np.bytes_('IMAGE')
    picture.attrs['IMAGE_SUBCLASS'] = np.bytes_('IMAGE_INDEXED')
    f['pictures/none'] = np.zeros((0, 3), 'i4')


def dense(f):
    """More links and attributes than fit into an object header."""
    checkpoint(f)
    for i in range(10):
        f.attrs[f'a{i}'] = i
        f['layers'].create_dataset(f'd{i}', data=np.int32(i))


def seeds_hdf5(d):
    big = np.tile(X, (10, 5))
    files = {
        'contiguous': arrays(), 'compact': compact, 'names': named, 'links': hostile,
        'integers': arrays(X.astype('>i2'), Y.astype('u8')), 'half': arrays(X.astype('f2'), np.eye(3)),
        'truth': arrays(X > 2, Y.astype('i1')), 'empty': arrays(X[:0], Y[:0]),
        'chunks': arrays(big, np.zeros(30, 'u1'), chunks=(7, 6)),
        'packed': arrays(big, np.zeros(30, 'u1'), chunks=(7, 20), compression=4, shuffle=True, fletcher32=True),
        'single': arrays(X, chunks=(3, 4), compression=9), 'growing': arrays(X, chunks=(2, 3), maxshape=(None, 4)),
        'growing2': arrays(X, chunks=(2, 3), maxshape=(None, None)), 'filled': arrays(X, chunks=(2, 3), fillvalue=2.5),
    }
    for version in ('earliest', 'latest'):
        for name, write in files.items():
            put(d, 'hdf5', f'{name}-{version}', hdf5(write, libver=version))
        for name, write in (('small', checkpoint), ('dense', dense), ('links', hostile)):
            put(d, 'checkpoint', f'{name}-{version}', hdf5(write, libver=version))
            put(d, 'checkpoint', f'{name}-{version}-ordered', hdf5(write, libver=version, track_order=True))


def main():
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    for make in (seeds_idx, seeds_cifar, seeds_text, seeds_npy, seeds_ini, seeds_uri, seeds_seal, seeds_hdf5):
        make(sys.argv[1])


if __name__ == '__main__':
    main()
